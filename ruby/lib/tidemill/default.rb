# frozen_string_literal: true

# The current thread's reactor, and the calls that go to it: small programs need not name one.
module Tidemill
  class << self
    def default_reactor
      # A forked child does not inherit its parent's: it makes its own.
      reactor, owner = Thread.current.thread_variable_get(:tidemill_reactor)
      return reactor if owner == ::Process.pid

      reactor = Reactor.new
      Thread.current.thread_variable_set(:tidemill_reactor, [reactor, ::Process.pid])
      reactor
    end

    def run(setup = nil, &block)
      default_reactor.run(setup, &block)
    end

    def stop
      default_reactor.stop
    end

    def listen(...)
      default_reactor.listen(...)
    end

    def connect(...)
      default_reactor.connect(...)
    end

    def open_datagram(...)
      default_reactor.open_datagram(...)
    end

    def next_tick(function = nil, &block)
      default_reactor.next_tick(function, &block)
    end

    def call_later(seconds, function = nil, &block)
      default_reactor.call_later(seconds, function, &block)
    end

    def notify_systemd(state)
      Core.notify_systemd(state)
    end

    def call_every(seconds, function = nil, &block)
      default_reactor.call_every(seconds, function, &block)
    end

    def defer(...)
      default_reactor.defer(...)
    end

    def resolve(host)
      default_reactor.resolve(host)
    end
  end
end
