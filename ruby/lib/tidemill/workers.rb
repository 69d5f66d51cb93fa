# frozen_string_literal: true

require "etc"
require "io/wait"  # in the core from Ruby 3.2 on

module Tidemill
  # Processes that each run a reactor, forked and watched over by this one. Ruby's threads share one interpreter lock, so cores are used
  # by processes.
  class Workers
    # A worker that dies younger than this is taken for one that cannot run: it is restarted after a delay that doubles each time, and
    # after so many in a row all give up.
    YOUNG = 5.0
    FIRST_DELAY = 0.1
    LONGEST_DELAY = 5.0
    MOST_FAILURES = 10

    # After the deadline connections are closed, and aborted 5 s later (Reactor#drain); what still runs then is killed.
    GRACE = 6.0

    Slot = Struct.new(:index, :pid, :started, :failures, :due)  # due: when to start it (again); nil: it has finished
    private_constant :YOUNG, :FIRST_DELAY, :LONGEST_DELAY, :MOST_FAILURES, :GRACE, :Slot

    attr_reader :count

    def initialize(count = 0, setup = nil, deadline: 30.0, &block)
      raise ::ArgumentError, "a setup or a block, not both" if setup && block

      @setup = setup || block
      raise ::ArgumentError, "a setup or a block is needed" if @setup.nil?
      raise ::TypeError, "setup must have a method call, not be #{@setup.class}" unless @setup.respond_to?(:call)
      raise ArgumentError.new("count and deadline must be 0 or more", operation: "make workers") if count.negative? || deadline.negative?

      @count = count.zero? ? Etc.nprocessors : Integer(count)
      @deadline = deadline
      @bell = nil
    end

    def run
      raise StateError.new("these workers are running already", operation: "run") if @bell

      Core.inherit_sockets  # the children are not the process that systemd meant
      @slots = Array.new(@count) { |index| Slot.new(index, nil, 0.0, 0, 0.0) }
      @kill_at = @problem = nil
      ear, @bell = IO.pipe
      bell = @bell
      before = %w[TERM INT CHLD].to_h { |name| [name, trap(name) { bell.write_nonblock(name[0], exception: false) }] }
      begin
        watch(ear)
      ensure
        end_all
        before.each { |name, action| trap(name, action || "DEFAULT") }
        @bell = nil
        [ear, bell].each(&:close)
      end
      raise @problem if @problem
    end

    def stop
      @bell&.write_nonblock("T", exception: false)
      nil
    end

    private

    # ---- in the parent ----

    def watch(ear)
      while @slots.any? { |slot| slot.pid || slot.due }
        start_those_due
        came = ear.wait_readable(time_to_wait) ? ear.read_nonblock(100, exception: false) : ""
        begin_to_stop if came.is_a?(String) && came.match?(/[TI]/)
        @slots.each { |slot| look_after(slot) if slot.pid }
        send_all("KILL") if @kill_at && now >= @kill_at
      end
    end

    def now
      ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
    end

    def time_to_wait
      # A second at most: another part of the program may have taken the SIGCHLD.
      times = @slots.filter_map { |slot| slot.due unless slot.pid }
      times << @kill_at if @kill_at
      [0.0, [1.0, *times.map { |time| time - now }].min].max
    end

    def start_those_due
      @slots.each do |slot|
        next if slot.pid || slot.due.nil? || slot.due > now

        slot.started = now
        slot.pid = ::Process.fork { be_worker(slot.index) }
      end
    end

    def look_after(slot)
      begin
        return unless ::Process.waitpid(slot.pid, ::Process::WNOHANG)

        status = $?
      rescue Errno::ECHILD  # somebody else waited for all children; what it came to is lost
        status = nil
      end
      slot.pid = nil
      return slot.due = nil if status.nil? || status.success? || @kill_at

      slot.failures = now - slot.started < YOUNG ? slot.failures + 1 : 0
      slot.due = slot.failures.zero? ? now : now + [FIRST_DELAY * 2**(slot.failures - 1), LONGEST_DELAY].min
      give_up(slot, status) if slot.failures >= MOST_FAILURES
    end

    def give_up(slot, status)
      how = status.signaled? ? "signal #{status.termsig}" : "exit code #{status.exitstatus}"
      text = "worker #{slot.index} died #{slot.failures} times in a row soon after its start, the last time with #{how}"
      @problem = LimitError.new(text, operation: "run workers")
      begin_to_stop
    end

    def begin_to_stop
      # The second time it is urgent.
      @kill_at = now + (@kill_at ? 0 : @deadline + GRACE)
      @slots.each { |slot| slot.due = nil unless slot.pid }
      send_all("TERM")
    end

    def send_all(name)
      @slots.each { |slot| ::Process.kill(name, slot.pid) if slot.pid }  # not waited for yet, so the number is still this child's
    end

    # However run is left, no child stays behind.
    def end_all
      send_all("KILL")
      @slots.each do |slot|
        ::Process.waitpid(slot.pid) if slot.pid
      rescue Errno::ECHILD
        nil
      end
    end

    # ---- in a child ----

    def be_worker(index)
      trap("CHLD", "DEFAULT")
      reactor = Reactor.new
      reactor.on_signal("TERM") { reactor.drain(@deadline) }
      reactor.on_signal("INT") { nil }  # Ctrl-C reaches the whole group; the parent says what comes of it
      @setup.call(reactor, index)
      reactor.run
      leave(0)
    rescue SystemExit => leaving
      leave(leaving.status)
    rescue Exception => error  # rubocop:disable Lint/RescueException
      $stderr.puts error.full_message(highlight: false)
      leave(1)
    end

    def leave(status)
      [$stdout, $stderr].each(&:flush)
      exit!(status)  # not through the parent's exit handlers
    end
  end
end
