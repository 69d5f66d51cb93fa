# The Python module tidemill._core, put together with the package in build/python/tidemill.
find_package(Python 3.9 COMPONENTS Interpreter Development.Module)
if(NOT Python_Development.Module_FOUND)
  message(STATUS "Python left out: its headers are missing (apt-get install python3-dev)")
  return()
endif()
tidemill_swig(python wrapper)
get_filename_component(wrapper_folder ${wrapper} DIRECTORY)
tidemill_module(python_core ${wrapper} python_dispatch.cpp python_reactor.cpp)
target_link_libraries(python_core PRIVATE Python::Module)
set(python_package ${PROJECT_BINARY_DIR}/python/tidemill)
execute_process(COMMAND ${Python_EXECUTABLE} -c "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))"
  OUTPUT_VARIABLE python_suffix OUTPUT_STRIP_TRAILING_WHITESPACE)
set_target_properties(python_core PROPERTIES OUTPUT_NAME _core SUFFIX ${python_suffix} LIBRARY_OUTPUT_DIRECTORY ${python_package})
tidemill_link(${PROJECT_SOURCE_DIR}/python/tidemill ${python_package})

set(python_made ${wrapper_folder}/core.py ${api_folder}/python/tidemill/__init__.pyi ${api_folder}/python/tidemill/_docs.py)
add_custom_command(TARGET python_core POST_BUILD COMMAND ${CMAKE_COMMAND} -E copy ${python_made} ${python_package} VERBATIM)
add_dependencies(python_core api)

if(SKBUILD)
  install(TARGETS python_core LIBRARY DESTINATION ${SKBUILD_PLATLIB_DIR}/tidemill COMPONENT python)
  install(FILES ${python_made} DESTINATION ${SKBUILD_PLATLIB_DIR}/tidemill COMPONENT python)
endif()
