# bin/nalar, lib/libnalar.so, lib/nalar/libnalar_torch.so (lib/nn), include/nalar, and the CMake package
# that serves find_package(nalar).
include(CMakePackageConfigHelpers)
set(NALAR_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/nalar)
set_target_properties(nalar_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS nalar_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS nalar EXPORT nalarTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY lib/include/nalar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT nalarTargets NAMESPACE nalar:: DESTINATION ${NALAR_PACKAGE_DIR})
configure_package_config_file(scripts/cmake/nalarConfig.cmake.in
  ${PROJECT_BINARY_DIR}/nalarConfig.cmake INSTALL_DESTINATION ${NALAR_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nalarConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nalarConfig.cmake ${PROJECT_BINARY_DIR}/nalarConfigVersion.cmake
        DESTINATION ${NALAR_PACKAGE_DIR})
