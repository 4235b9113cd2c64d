# Runs the check of a lesson on one solution, and fails unless it answers as it should.
#
#   cmake -DPROGRAM=<check> -P run_check.cmake                      it must pass: exit 0 and the line "passed"
#   cmake -DPROGRAM=<check> -DSOURCE=<solution.cpp> -P ...          it must reject: exit 1 and the message that the first line
#                                                                   of the solution names: // expect: <message>
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 60)
message("${output}")

if(NOT DEFINED SOURCE)
  if(NOT result STREQUAL 0 OR NOT output MATCHES "(^|\n)passed\n")
    message(FATAL_ERROR "The check should pass this solution: expected exit code 0 and 'passed', found exit code ${result}")
  endif()
  return()
endif()

file(READ "${SOURCE}" text)
string(REGEX MATCH "^[^\n]*" first_line "${text}")
if(NOT first_line MATCHES "^// expect: (.*[^ ]) *$")
  message(FATAL_ERROR "The first line of ${SOURCE} should be '// expect: <message of the check>', found '${first_line}'")
endif()
set(expected "${CMAKE_MATCH_1}")
if(result STREQUAL 0)
  get_filename_component(file "${SOURCE}" NAME)
  if(file STREQUAL exercise.cpp)
    message(FATAL_ERROR "exercise.cpp is solved. Well done! This test wants it as it was given out: git restore ${SOURCE}")
  endif()
  message(FATAL_ERROR "The check passed ${file}, which is wrong")
endif()
if(NOT result STREQUAL 1)
  message(FATAL_ERROR "The check should end with exit code 1, found ${result}")
endif()
string(FIND "${output}" "${expected}" place)
if(place EQUAL -1)
  message(FATAL_ERROR "The check rejects it, but for another reason. Expected: ${expected}")
endif()
