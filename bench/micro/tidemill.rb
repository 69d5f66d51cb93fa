# frozen_string_literal: true

# tidemill's timers and ticks in Ruby: tidemill.rb --case timers|ticks [--count N]; measuring.h says what is measured.
require "json"
require "tidemill"

$calls = 0
CALL = -> { $calls += 1 }

def cpu_ns
  Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :nanosecond)
end

# What the block takes, for each of count.
def timed(count)
  began = cpu_ns
  yield
  (cpu_ns - began).fdiv(count)
end

def check_calls(made, expected)
  abort "#{made} calls instead of #{expected}" if made != expected
end

def delays(source, count)
  Array.new(count) { source.rand(0.1..1000.0) }
end

def insert_and_cancel(outstanding, pairs)
  reactor = Tidemill::Reactor.new
  source = Random.new(1)
  timers = delays(source, outstanding).map { |delay| reactor.call_later(delay, &CALL) }
  more = delays(source, pairs)
  cost = timed(pairs) { more.each { |delay| reactor.call_later(delay, &CALL).cancel } }
  check_calls(timers.size, outstanding)
  cost
end

def fire(count)
  reactor = Tidemill::Reactor.new
  source = Random.new(1)
  count.times { reactor.call_later(source.rand(1..10) / 1000.0, &CALL) }
  sleep 0.03
  $calls = 0
  cost = timed(count) { reactor.run }
  check_calls($calls, count)
  cost
end

def insert_then_cancel(count)
  reactor = Tidemill::Reactor.new
  source = Random.new(1)
  times = delays(source, count)
  timers = nil
  insert = timed(count) { timers = times.map { |delay| reactor.call_later(delay, &CALL) } }
  victims = timers.sample(count / 10 * 9, random: source)
  [insert, timed(victims.size) { victims.each(&:cancel) }]
end

def measure_timers(count)
  insert, cancel = insert_then_cancel(count)
  GC.start
  { insert_ns: insert, cancel_ns: cancel, fire_ns: fire(count / 10),
    insert_cancel_small_ns: insert_and_cancel(count / 100, count / 10),
    insert_cancel_large_ns: insert_and_cancel(count, count / 10) }
end

def measure_ticks(count)
  reactor = Tidemill::Reactor.new
  left = count
  link = lambda do
    left -= 1
    reactor.next_tick(&link) if left.positive?
  end
  chain = timed(count) do
    reactor.next_tick(&link)
    reactor.run
  end
  check_calls(left, 0)

  batch = timed(count) do
    count.times { reactor.next_tick(&CALL) }
    reactor.run
  end
  check_calls($calls, count)

  posted = lambda do
    left += 1
    reactor.stop if left == count
  end
  reactor.call_later(3600, &CALL) # keeps the loop waiting until the last post has come
  post = timed(count) do
    thread = Thread.new { count.times { reactor.post(&posted) } }
    reactor.run
    thread.join
  end
  check_calls(left, count)
  { chain_ns: chain, batch_ns: batch, post_ns: post }
end

options = Hash[*ARGV]
count = options["--count"]&.to_i
case options["--case"]
when "timers" then puts JSON.generate(measure_timers(count || 1_000_000))
when "ticks" then puts JSON.generate(measure_ticks(count || 100_000))
else abort "usage: tidemill.rb --case timers|ticks [--count N]"
end
