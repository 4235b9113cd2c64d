# What `cmake --install` puts where: programs, libraries, headers under include/convoy/, and the package that find_package(Convoy) finds.
include(CMakePackageConfigHelpers)

# Readable by all, whatever the umask of who installs.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(convoy_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Convoy")

get_property(convoy_libraries GLOBAL PROPERTY CONVOY_LIBRARIES)
get_property(convoy_programs GLOBAL PROPERTY CONVOY_PROGRAMS)

install(TARGETS ${convoy_programs} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS ${convoy_libraries} convoy_settings EXPORT ConvoyTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(CONVOY_ONNX_FOUND)
  install(TARGETS convoy_onnx_format EXPORT ConvoyTargets)
endif()
foreach(library IN LISTS convoy_libraries)
  get_target_property(folder ${library} SOURCE_DIR)
  file(RELATIVE_PATH place "${CMAKE_SOURCE_DIR}" "${folder}")
  install(DIRECTORY "${folder}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/convoy/${place}" FILES_MATCHING PATTERN "*.h")
endforeach()
# Built into the libraries too; as files they are examples to copy and change.
install(DIRECTORY "${CMAKE_SOURCE_DIR}/simulator/platform/clusters" DESTINATION "${CMAKE_INSTALL_DATADIR}/convoy")
install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT ConvoyTargets NAMESPACE convoy:: DESTINATION "${convoy_package_dir}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/ConvoyConfig.cmake.in" "${CMAKE_BINARY_DIR}/ConvoyConfig.cmake"
                              INSTALL_DESTINATION "${convoy_package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/ConvoyConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/ConvoyConfig.cmake" "${CMAKE_BINARY_DIR}/ConvoyConfigVersion.cmake"
        DESTINATION "${convoy_package_dir}")
