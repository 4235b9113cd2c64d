# add_lesson(<NN_name> [LIBRARIES <targets>...]): a lesson, from the files of the folder NN_name:
#
#   README.md      the text: quotes main.cpp and the values it writes (lessons/check_text/main.cpp says how)
#   main.cpp       the program of the lesson
#   exercise.cpp   what the learner edits; its first line is // expect: <message of the check for the file as it is given out>
#   check.cpp      main() of the check, linked with one solution at a time
#   solution/right.cpp
#   wrong/*.cpp    three or more wrong solutions; the first line of each is // expect: <message of the check>
#
# Targets: lesson_<name> (the program), lesson_<name>_check (the check of exercise.cpp), lesson_<name>_update (writes values, code
# and output into README.md) and lesson_<name>_record (the measured ones too).
# Tests: lesson_<name>_main, _text, _right, _exercise and _wrong_<file>.

# convoy_expected_messages(<out> <file>...): the messages on the first lines. Fails when one has none, or when one message is in another,
# since then no test could tell them apart.
function(convoy_expected_messages out)
  set(messages "")
  foreach(file IN LISTS ARGN)
    file(READ "${file}" text)
    string(REGEX MATCH "^[^\n]*" first_line "${text}")
    if(NOT first_line MATCHES "^// expect: (.*[^ ]) *$")
      message(FATAL_ERROR "The first line of ${file} should be '// expect: <message of the check>', found '${first_line}'")
    endif()
    set(message "${CMAKE_MATCH_1}")
    foreach(other IN LISTS messages)
      string(FIND "${other}" "${message}" in_other)
      string(FIND "${message}" "${other}" in_message)
      if(NOT in_other EQUAL -1 OR NOT in_message EQUAL -1)
        message(FATAL_ERROR "Every solution needs a message of its own, but ${file} expects '${message}' and another one '${other}'")
      endif()
    endforeach()
    list(APPEND messages "${message}")
  endforeach()
  set(${out} "${messages}" PARENT_SCOPE)
endfunction()

# convoy_lesson_files(<out> <folder>): the wrong solutions. Fails when the folder lacks a part of a lesson.
function(convoy_lesson_files out folder)
  foreach(file IN ITEMS README.md main.cpp exercise.cpp check.cpp solution/right.cpp)
    if(NOT EXISTS "${folder}/${file}")
      message(FATAL_ERROR "The lesson ${folder} has no ${file}")
    endif()
  endforeach()
  file(GLOB wrong CONFIGURE_DEPENDS "${folder}/wrong/*.cpp")
  list(LENGTH wrong count)
  if(count LESS 3)
    message(FATAL_ERROR "The lesson ${folder} has ${count} wrong solutions in wrong/; write three or more, each with a message of its own")
  endif()
  convoy_expected_messages(messages "${folder}/exercise.cpp" ${wrong})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/exercise.cpp" ${wrong})
  set(${out} "${wrong}" PARENT_SCOPE)
endfunction()

# convoy_solution(<target> <program> <source>): the check with one solution. Uses name, folder and place of add_lesson.
macro(convoy_solution target program source)
  add_executable(${target} "${source}" $<TARGET_OBJECTS:lesson_${name}_check_main>)
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} convoy_warnings)
  target_include_directories(${target} PRIVATE "${folder}")
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY "${place}")
endmacro()

function(add_lesson name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES")
  set(folder "${CMAKE_CURRENT_SOURCE_DIR}/${name}")
  set(place "${CMAKE_BINARY_DIR}/lessons/${name}")
  set(values "${place}/values.txt")
  set(run_check "${CMAKE_CURRENT_SOURCE_DIR}/run_check.cmake")
  convoy_lesson_files(wrong "${folder}")

  add_executable(lesson_${name} "${folder}/main.cpp")
  target_link_libraries(lesson_${name} PRIVATE ${arg_LIBRARIES} convoy_warnings)
  set_target_properties(lesson_${name} PROPERTIES OUTPUT_NAME main RUNTIME_OUTPUT_DIRECTORY "${place}")
  set(check_text $<TARGET_FILE:convoy_check_text> --text "${folder}/README.md" --code "${folder}/main.cpp" --values "${values}")
  foreach(action IN ITEMS update record)
    add_custom_target(lesson_${name}_${action} COMMAND lesson_${name} --values "${values}" COMMAND ${check_text} --${action} VERBATIM)
    add_dependencies(lesson_${name}_${action} convoy_check_text)
  endforeach()
  add_test(NAME lesson_${name}_main COMMAND lesson_${name} --values "${values}")
  add_test(NAME lesson_${name}_text COMMAND ${check_text})
  set_tests_properties(lesson_${name}_main PROPERTIES FIXTURES_SETUP lesson_${name}_values)
  set_tests_properties(lesson_${name}_text PROPERTIES FIXTURES_REQUIRED lesson_${name}_values)

  add_library(lesson_${name}_check_main OBJECT "${folder}/check.cpp")
  target_link_libraries(lesson_${name}_check_main PRIVATE ${arg_LIBRARIES} convoy_warnings)
  convoy_solution(lesson_${name}_check check "${folder}/exercise.cpp")
  convoy_solution(lesson_${name}_right check_right "${folder}/solution/right.cpp")
  add_test(NAME lesson_${name}_right COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:lesson_${name}_right> -P "${run_check}")
  add_test(NAME lesson_${name}_exercise
           COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:lesson_${name}_check> "-DSOURCE=${folder}/exercise.cpp" -P "${run_check}")
  foreach(source IN LISTS wrong)
    get_filename_component(mistake "${source}" NAME_WE)
    convoy_solution(lesson_${name}_wrong_${mistake} check_wrong_${mistake} "${source}")
    add_test(NAME lesson_${name}_wrong_${mistake}
             COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:lesson_${name}_wrong_${mistake}> "-DSOURCE=${source}" -P "${run_check}")
  endforeach()
endfunction()
