# CUDA: nvcc where it is found and wanted, and how kernel files are compiled for the GPU and for the emulator.
#
#   CONVOY_CUDA_FOUND          whether the GPU's kernels are built
#   CONVOY_EMULATOR            whether the emulator is: its kernel files take the place of the thread sanitizer's functions, so that no
#                              sanitizer can be there
#   CONVOY_CUDA_ARCHITECTURES  chips to compile for: 75, 80, 90a, 120, ...; native is this machine's GPU, or all three of 75, 90a and 120

set(CONVOY_CUDA_ARCHITECTURES native CACHE STRING "Chips for CUDA kernels, for example 90a or 75;120; native: this machine's")
set(CONVOY_CUDA_FOUND OFF)
set(CONVOY_EMULATOR ON)
if(CONVOY_SANITIZE)
  set(CONVOY_EMULATOR OFF)
endif()

if(NOT CONVOY_WITH_CUDA STREQUAL OFF AND CONVOY_EMULATOR)
  find_program(CONVOY_NVCC NAMES nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  mark_as_advanced(CONVOY_NVCC)
  if(CONVOY_NVCC)
    get_filename_component(convoy_nvcc_real "${CONVOY_NVCC}" REALPATH)
    get_filename_component(convoy_cuda_bin "${convoy_nvcc_real}" DIRECTORY)
    find_library(CONVOY_CUDART cudart_static HINTS "${convoy_cuda_bin}/.." PATHS /usr/local/cuda PATH_SUFFIXES lib64 lib targets/x86_64-linux/lib)
    mark_as_advanced(CONVOY_CUDART)
    if(CONVOY_CUDART)
      set(CONVOY_CUDA_FOUND ON)
    endif()
  endif()
endif()

# convoy_cuda_chips(<out>): the list of CONVOY_CUDA_ARCHITECTURES with native worked out, by nvidia-smi.
function(convoy_cuda_chips out)
  set(chips "")
  foreach(chip IN LISTS CONVOY_CUDA_ARCHITECTURES)
    if(chip STREQUAL native)
      execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE status)
      string(REGEX MATCH "[0-9]+\\.[0-9]" found "${found}")
      if(status EQUAL 0 AND found)
        string(REPLACE "." "" found "${found}")
        list(APPEND chips ${found})
      else()
        list(APPEND chips 75 90a 120)
      endif()
    else()
      list(APPEND chips ${chip})
    endif()
  endforeach()
  list(TRANSFORM chips REPLACE "^90$" "90a")  # with the instructions that only this chip has
  set(${out} "${chips}" PARENT_SCOPE)
endfunction()

# convoy_cuda_objects(<out> <file.cu>...): compiles the files with nvcc, warnings being errors, and gives the object files.
# CMake 3.25 does not know C++20 for CUDA and drops it silently, so nvcc is called here and gets its options from nobody else.
function(convoy_cuda_objects out)
  convoy_cuda_chips(chips)
  set(options -std=c++20 -O3 --Werror=all-warnings -Xcompiler=-Wall,-Wextra "-I${CMAKE_SOURCE_DIR}" -ccbin "${CMAKE_CXX_COMPILER}")
  foreach(chip IN LISTS chips)
    list(APPEND options "-gencode=arch=compute_${chip},code=sm_${chip}")
  endforeach()
  set(objects "")
  foreach(file IN LISTS ARGN)
    get_filename_component(name "${file}" NAME)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.o")
    add_custom_command(OUTPUT "${object}" COMMAND "${CONVOY_NVCC}" ${options} -MD -MF "${object}.d" -c "${file}" -o "${object}"
                       DEPENDS "${file}" DEPFILE "${object}.d" COMMENT "nvcc ${name} for ${chips}" VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set(${out} "${objects}" PARENT_SCOPE)
endfunction()

# convoy_emulated_kernels(<file.cpp>...): these sources of the current folder hold kernels for the emulator. The level of optimisation
# is fixed, since what is read from memory and what is kept in registers depends on it.
function(convoy_emulated_kernels)
  set_source_files_properties(${ARGN} PROPERTIES
    COMPILE_OPTIONS "-fsanitize=thread;-O1;-g;$<$<CXX_COMPILER_ID:GNU>:--param=tsan-instrument-func-entry-exit=0>")
endfunction()
