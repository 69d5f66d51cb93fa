# frozen_string_literal: true

module Tidemill
  # A value or an error later. Its functions wait here; the loop calls them by Reactor#deliver, which a stop does not drop.
  class Deferred
    def initialize(reactor: nil, canceller: nil)
      @reactor = reactor || Tidemill.default_reactor
      @canceller = canceller
      @waiters = []   # [for success, function]
      @outcome = nil  # [is success, value or error]
      @timer = @hold = nil
    end

    def succeed(value)
      settle("succeed", true, value)
    end

    def fail(error)
      raise ::TypeError, "error must be an exception, not #{error.class}" unless error.is_a?(Exception)

      settle("fail", false, error)
    end

    def cancel
      give_up(CancelledError.new("cancel: the result was not wanted any more", operation: "cancel"))
    end

    def on_success(function = nil, &block)
      add(true, function, block)
    end

    def on_failure(function = nil, &block)
      add(false, function, block)
    end

    def set_timeout(seconds)
      timer = @reactor.call_later(seconds) do
        give_up(TimeoutError.new("wait for a result: no result within the deadline", operation: "wait for a result"))
      end
      drop_timeout
      if seconds.zero? || done?
        timer.cancel
      else
        @timer = timer
        # A stop drops the timer, and with it the promise that this is settled one day.
        @hold = @reactor.__send__(:hold) { give_up(CancelledError.new("run: the reactor stopped", operation: "run")) }
      end
      nil
    end

    def done?
      !@outcome.nil?
    end

    def inspect
      "#<#{self.class} #{@outcome.nil? ? "waiting" : @outcome[0] ? "succeeded" : "failed"}>"
    end

    private

    def settle(operation, is_success, value)
      @reactor.__send__(:check_thread, operation)
      return false if done?

      @outcome = [is_success, value]
      drop_timeout
      @canceller = nil
      waiters, @waiters = @waiters, []
      waiters.each { |waiter| hand_over(*waiter) }
      true
    end

    def give_up(error)
      @reactor.__send__(:check_thread, "cancel")
      @reactor.__send__(:deliver, @canceller) if @canceller && !done?
      settle("cancel", false, error)
    end

    def add(is_for_success, function, block)
      @reactor.__send__(:check_thread, is_for_success ? "on_success" : "on_failure")
      function = @reactor.__send__(:callable, function, block, "function")
      done? ? hand_over(is_for_success, function) : @waiters << [is_for_success, function]
      self
    end

    def hand_over(is_for_success, function)
      is_success, value = @outcome
      @reactor.__send__(:deliver, -> { function.call(value) }) if is_success == is_for_success
    end

    def drop_timeout
      return if @timer.nil?

      @timer.cancel
      @reactor.__send__(:release, @hold)
      @timer = @hold = nil
    end
  end
end
