# tidemill_warnings(target): the warnings that all hand-written code is held to. They are errors where we develop (./dev) and only
# warnings in a user's build, whose compiler may be newer than ours.
option(TIDEMILL_WERROR "treat warnings as errors" OFF)

function(tidemill_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${TIDEMILL_WERROR}>:-Werror>)
  # GCC 12 reports copies inside std::string that cannot happen (GCC bugs 105651, 105329).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict -Wno-maybe-uninitialized>)
  endif()
endfunction()
