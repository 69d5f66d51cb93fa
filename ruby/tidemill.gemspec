# frozen_string_literal: true

# Read in the folder that ruby/pack puts together: the sources of the core, what SWIG makes of them, and the files of ruby/.
version_file = [File.join(__dir__, "VERSION"), File.join(__dir__, "../VERSION")].find { |path| File.exist?(path) }

Gem::Specification.new do |gem|
  gem.name = "tidemill"
  gem.version = File.read(version_file).strip
  gem.summary = "One event core in C++, here for Ruby: TCP and UNIX streams, timers, ticks"
  gem.description = "An event loop whose core is written in C++20, with connection classes to subclass: " \
                    "the same names and the same behaviour as in its Python, Lua and C++ siblings."
  gem.authors = ["The tidemill authors"]
  gem.license = "MIT"
  gem.required_ruby_version = ">= 3.1"
  gem.files = Dir.chdir(__dir__) { Dir["**/*"].select { |path| File.file?(path) && !path.end_with?(".gem") } }
  gem.extensions = ["ext/tidemill/extconf.rb"]
  gem.extra_rdoc_files = Dir.chdir(__dir__) { Dir["*.md"] }
  gem.metadata = {"rubygems_mfa_required" => "true"}
  gem.requirements << "a C++20 compiler and CMake 3.20 or newer" << "OpenSSL 3 and zlib, with their headers"
end
