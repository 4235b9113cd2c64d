# What can be chosen when configuring, and the settings every target gets.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or RelWithDebInfo" FORCE)
endif()

option(CONVOY_WITH_TESTS "Build the tests and lessons" ON)
option(CONVOY_DEVELOPER "Treat warnings as errors" OFF)
option(CONVOY_ONLY_TRAIN "Build convoy-train and what it needs, and nothing of the simulator; image files and YAML where their libraries are found" OFF)
set(CONVOY_DEPS "" CACHE PATH "Folder whose include/ has the headers of Eigen (eigen3/), CLI11, fmt and nlohmann-json, where they are not installed")
option(CONVOY_WITH_OPENMP "Use OpenMP in the fast CPU kernels" ON)
set(CONVOY_ARCH native CACHE STRING "Processor to build for (-march); native is this machine's, x86-64-v3 one to hand around")
option(CONVOY_FOR_SMPIRUN "Compile all code so that SimGrid's smpirun can load it, and make convoy-train-smpi.so" OFF)
set(CONVOY_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined or thread")

# AUTO: use it when it is found. ON: fail when it is not. OFF: never look.
foreach(part IN ITEMS MPI SMPI CUDA NCCL ONNX)
  set(CONVOY_WITH_${part} AUTO CACHE STRING "AUTO, ON or OFF")
  set_property(CACHE CONVOY_WITH_${part} PROPERTY STRINGS AUTO ON OFF)
  if(NOT CONVOY_WITH_${part} MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "CONVOY_WITH_${part} is '${CONVOY_WITH_${part}}'; write AUTO, ON or OFF")
  endif()
endforeach()

include(GNUInstallDirs)
include(CheckCXXCompilerFlag)

add_library(convoy_settings INTERFACE)
target_compile_features(convoy_settings INTERFACE cxx_std_20)
target_include_directories(convoy_settings INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                                                     $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/convoy>)
add_library(convoy_warnings INTERFACE)
target_compile_options(convoy_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
                                                 -Woverloaded-virtual -Wnon-virtual-dtor -Wno-missing-field-initializers $<$<BOOL:${CONVOY_DEVELOPER}>:-Werror>)

if(CONVOY_ARCH)
  check_cxx_compiler_flag(-march=${CONVOY_ARCH} CONVOY_ARCH_WORKS_${CONVOY_ARCH})
  if(NOT CONVOY_ARCH_WORKS_${CONVOY_ARCH})
    message(FATAL_ERROR "The compiler does not know -march=${CONVOY_ARCH}; set CONVOY_ARCH to native, x86-64-v3 or nothing")
  endif()
  add_compile_options(-march=${CONVOY_ARCH})
endif()
if(CONVOY_FOR_SMPIRUN)  # what smpicxx does, and no variable that copies of the program would share against smpirun's will
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  add_compile_options(-fno-semantic-interposition $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
endif()
if(CONVOY_SANITIZE)
  add_compile_options(-fsanitize=${CONVOY_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CONVOY_SANITIZE})
endif()
