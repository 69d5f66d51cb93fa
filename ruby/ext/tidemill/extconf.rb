# frozen_string_literal: true

# Builds the extension when the gem is installed: CMake knows how, this only hands it over. SWIG is not asked for: the gem carries what it
# makes.
require "etc"
require "rbconfig"

gem_folder = File.expand_path("../..", __dir__)
config = RbConfig::CONFIG

abort("tidemill: cmake is missing (apt-get install cmake)") unless system("cmake", "--version", out: File::NULL, err: File::NULL)
unless File.exist?(File.join(config["rubyhdrdir"], "ruby.h"))
  abort("tidemill: Ruby's headers are missing (apt-get install ruby-dev)")
end

options = {CMAKE_BUILD_TYPE: "Release", RUBY_EXECUTABLE: RbConfig.ruby, SWIG_EXECUTABLE: "", TIDEMILL_RUBY: "ON"}
%w[PYTHON LUA EXAMPLES TESTS BENCH INSTALL].each { |part| options["TIDEMILL_#{part}"] = "OFF" }
system("cmake", "-S", gem_folder, "-B", "build", *options.map { |name, value| "-D#{name}=#{value}" }) || abort("tidemill: cmake failed")

# RubyGems calls clean, the first target, and install with its own sitearchdir.
File.write("Makefile", <<~MAKEFILE)
  sitearchdir = #{config["sitearchdir"]}
  all:
  \tcmake --build build --target ruby_core --parallel #{Etc.nprocessors}
  install: all
  \tmkdir -p "$(DESTDIR)$(sitearchdir)/tidemill"
  \tcp build/ruby/tidemill/core.#{config["DLEXT"]} "$(DESTDIR)$(sitearchdir)/tidemill/"
  clean:
  .PHONY: all install clean
MAKEFILE
