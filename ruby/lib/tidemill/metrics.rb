# frozen_string_literal: true

# What Reactor#metrics and #set_slow_callback need: the core's text as a Hash, and where a callback was defined.
module Tidemill
  def Core.metrics_of(text)
    text.lines.to_h do |line|
      name, value, *rest = line.split
      [name.to_sym, rest.empty? ? value.to_i : histogram(value, *rest)]
    end
  end

  def Core.histogram(count, sum, *buckets)
    pairs = buckets.map { |bucket| bucket.split("=") }.map { |limit, below| [limit == "inf" ? Float::INFINITY : limit.to_f, below.to_i] }
    {count: count.to_i, sum: sum.to_f, buckets: pairs}
  end

  # A callback that held the loop up, as Reactor#set_slow_callback tells of it.
  class SlowCallback
    attr_reader :language, :name, :file, :line, :seconds

    private_class_method :new

    def initialize(language, name, file, line, seconds)
      @language = language
      @name = name
      @file = file
      @line = line
      @seconds = seconds
    end

    def inspect
      place = " (#{file}:#{line})" unless file.empty?
      format("%s %s%s took %.6f s", language, name, place, seconds)
    end
  end

  # Told by the core: first _locate, as long as the callback can be found, then _on_slow.
  class SlowWatch
    def initialize(function, objects, open, callee)
      @function = function
      @objects = objects
      @open = open
      @callee = callee
      @found = ["", "", 0]
    end

    private

    def _locate(what, connection, ticket)
      whose = @objects[ticket] || (@open.each_key.find { |one| one.id == connection } if connection != 0)
      function = whose.nil? ? @callee.call : whose.instance_variable_get(:@function)
      @found = if function.nil? && whose
        ["#{whose.class}.#{what}", *place(whose.method(what))]
      else
        [whose ? whose.class.to_s : what, *place(function)]
      end
    end

    def place(function)
      function = function.instance_method(:initialize) if function.is_a?(Class)
      function = function.method(:call) unless function.respond_to?(:source_location)
      function.source_location || ["", 0]
    end

    def _on_slow(language, name, seconds)
      report = SlowCallback.__send__(:new, *(language.empty? ? ["Ruby", *@found] : [language, name, "", 0]), seconds)
      @function ? @function.call(report) : warn("tidemill: slow callback: #{report.inspect}")
    end
  end
  private_constant :SlowWatch
end
