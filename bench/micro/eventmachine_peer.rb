# What timers and ticks cost in EventMachine. Prints nanoseconds of processor time as JSON.
#
#     ruby eventmachine_peer.rb --case timers|ticks [--count N]
#
# What a cancelled timer leaves behind may cost something later; the next turn is part of what is measured.
require "eventmachine"
require "json"
require "optparse"

DUE = 100_000
PAIRS = 100_000
PAIRS_IN_A_TURN = 1_000
TICKS = 100_000
SMALL = 10_000
LARGE = 1_000_000
NOTHING = proc {}

# Processor time of all threads.
def now
  Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :nanosecond)
end

def each_since(start, count)
  ((now - start).to_f / count).round(1)
end

def draw_delays(random, count)
  Array.new(count) { random.rand(0.1..1000.0) }
end

# The first block runs a number of times, each in a turn of its own, then the last block.
def in_turns(count, step, &finish)
  return finish.call if count.zero?

  step.call
  EventMachine.next_tick { in_turns(count - 1, step, &finish) }
end

def measure_insert_and_cancel(count)
  random = Random.new(1)
  delays = draw_delays(random, count)
  doomed = (0...count).to_a.sample(count * 9 / 10, random: random)
  result = nil
  EventMachine.run do
    start = now
    timers = delays.map { |delay| EventMachine.add_timer(delay, NOTHING) }
    insert = each_since(start, count)
    start = now
    doomed.each { |index| EventMachine.cancel_timer(timers[index]) }
    EventMachine.next_tick do
      result = [insert, each_since(start, doomed.size)]
      EventMachine.stop
    end
  end
  result
end

# Calls of it stop the reactor at the last.
def countdown(count)
  proc { EventMachine.stop if (count -= 1).zero? }
end

def measure_fire
  random = Random.new(2)
  start = nil
  EventMachine.run do
    callback = countdown(DUE)
    DUE.times { EventMachine.add_timer(random.rand(0.001..0.01), callback) }
    sleep 0.1
    start = now
  end
  each_since(start, DUE)
end

def measure_pairs(outstanding)
  random = Random.new(3)
  delays = draw_delays(random, PAIRS).each_slice(PAIRS_IN_A_TURN).to_a
  result = nil
  EventMachine.run do
    draw_delays(random, outstanding).each { |delay| EventMachine.add_timer(delay, NOTHING) }
    insert_and_cancel = proc do
      delays.pop.each { |delay| EventMachine.cancel_timer(EventMachine.add_timer(delay, NOTHING)) }
    end
    EventMachine.next_tick do
      start = now
      in_turns(PAIRS / PAIRS_IN_A_TURN, insert_and_cancel) do
        result = each_since(start, PAIRS)
        EventMachine.stop
      end
    end
  end
  result
end

def measure_timers(count)
  EventMachine.set_max_timers([count, LARGE].max + PAIRS + 1000)
  insert, cancel = measure_insert_and_cancel(count)
  { insert_ns: insert, cancel_ns: cancel, fire_ns: measure_fire,
    insert_cancel_small_ns: measure_pairs(SMALL), insert_cancel_large_ns: measure_pairs(LARGE) }
end

def measure_chain
  left = TICKS
  tick = proc do
    if (left -= 1).zero?
      EventMachine.stop
    else
      EventMachine.next_tick(tick)
    end
  end
  start = nil
  EventMachine.run do
    start = now
    EventMachine.next_tick(tick)
  end
  each_since(start, TICKS)
end

def measure_batch
  callback = countdown(TICKS)
  start = nil
  EventMachine.run do
    start = now
    TICKS.times { EventMachine.next_tick(callback) }
  end
  each_since(start, TICKS)
end

def measure_post
  callback = countdown(TICKS)
  start = poster = nil
  EventMachine.run do
    start = now
    poster = Thread.new { TICKS.times { EventMachine.next_tick(callback) } }
  end
  poster.join
  each_since(start, TICKS)
end

def measure_ticks
  { chain_ns: measure_chain, batch_ns: measure_batch, post_ns: measure_post }
end

options = { count: 1_000_000 }
OptionParser.new do |parser|
  parser.on("--case CASE", %w[timers ticks])
  parser.on("--count N", Integer)
end.parse!(into: options)
EventMachine.epoll
puts JSON.generate(options.fetch(:case) == "timers" ? measure_timers(options[:count]) : measure_ticks)
