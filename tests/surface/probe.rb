# Prints the public names of the Ruby package, as check.py compares them.
require "tidemill"

Tidemill.singleton_methods.each { |name| puts name }
Tidemill.constants.each do |name|
  puts name
  found = Tidemill.const_get(name)
  next unless found.is_a?(Class)

  outside = found.ancestors.find { |ancestor| ancestor.is_a?(Class) && !ancestor.name.to_s.start_with?("Tidemill") }
  # `method` is Object's too, and of a request something else.
  (found.public_instance_methods - outside.public_instance_methods | found.public_instance_methods(false) & [:method]).each do |member|
    puts "#{name}.#{member}"
  end
  (found.singleton_methods(false) - [:new]).each { |member| puts "#{name}.#{member}" }
end
