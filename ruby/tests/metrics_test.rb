# frozen_string_literal: true

# Metrics and the watch over slow callbacks: what a report says, in Ruby's words.
require_relative "support"
require "stringio"

class SlowCallbacks < Minitest::Test
  BUSY = lambda do
    finish = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.004
    nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) < finish
  end

  class Slow < Tidemill::Connection
    def on_data(_data)
      BUSY.call
    end
  end

  def setup
    @reactor = Tidemill::Reactor.new(clock: "manual")
    @told = []
    @reactor.set_slow_callback(0.003) { |report| @told << report }
  end

  def run_until_told(count)
    1000.times { @told.size < count && @reactor.run_once }
    assert_equal count, @told.size
  end

  def check(report, name, place)
    assert_equal ["Ruby", name, *place], [report.language, report.name, report.file, report.line]
    assert_operator report.seconds, :>=, 0.003
  end

  def test_a_callback_of_a_connection
    listener = @reactor.listen("memory://slow", Slow)
    @reactor.connect(listener.endpoint, Tidemill::Connection.new).write("x")
    run_until_told(1)
    check(@told[0], "SlowCallbacks::Slow.on_data", Slow.instance_method(:on_data).source_location)
  end

  def test_ticks_posts_timers_and_factories
    @reactor.next_tick(BUSY)
    run_until_told(1)
    @reactor.post(BUSY)
    run_until_told(2)
    @reactor.call_later(0, BUSY)
    run_until_told(3)
    %w[tick tick timer].each_with_index { |name, i| check(@told[i], name, BUSY.source_location) }
    factory = lambda do
      BUSY.call
      Tidemill::Connection.new
    end
    @reactor.connect(@reactor.listen("memory://slow", factory).endpoint, Tidemill::Connection.new)
    run_until_told(4)
    check(@told[3], "factory", factory.source_location)
    assert_equal 4, @reactor.metrics[:slow_callbacks]
  end

  def test_zero_turns_it_off
    @reactor.set_slow_callback(0)
    @reactor.next_tick(BUSY)
    @reactor.run_once
    assert_empty @told
  end

  def test_without_a_function_a_line_goes_to_stderr
    @reactor.set_slow_callback(0.003)
    @reactor.next_tick(BUSY)
    _, written = capture_io { @reactor.run_once }
    assert_includes written, "slow callback: Ruby tick (#{__FILE__}"
  end

  def test_what_the_function_raises_leaves_run
    @reactor.set_slow_callback(0.003) { raise "told" }
    @reactor.next_tick(BUSY)
    assert_equal "told", assert_raises(RuntimeError) { @reactor.run }.message
  end

  def test_bad_arguments
    assert_raises(Tidemill::ArgumentError) { @reactor.set_slow_callback(-1) }
    assert_raises(TypeError) { @reactor.set_slow_callback(1, 2) }
  end
end

class Metrics < Minitest::Test
  def test_histograms_have_count_sum_and_buckets
    reactor = Tidemill::Reactor.new
    reactor.next_tick {}
    reactor.run
    took = reactor.metrics[:callback_seconds]
    assert_equal [1, [Float::INFINITY, 1]], [took[:count], took[:buckets].last]
    assert_operator took[:sum], :>, 0
    assert_includes reactor.prometheus, "tidemill_callback_seconds_count 1\n"
  end
end
