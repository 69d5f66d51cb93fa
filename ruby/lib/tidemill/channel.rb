# frozen_string_literal: true

module Tidemill
  # A function that a channel calls. Made by Channel#subscribe.
  class Subscription
    private_class_method :new

    def initialize(reactor, subscriptions, function)
      @reactor = reactor
      @subscriptions = subscriptions
      @function = function
    end

    def cancel
      @reactor.__send__(:check_thread, "cancel")
      !@subscriptions.delete(self).nil?
    end

    def active?
      @subscriptions.key?(self)
    end

    private

    def call(value)
      @function.call(value) if active?
    end
  end

  # Publish and subscribe inside the process.
  class Channel
    def initialize(reactor: nil)
      @reactor = reactor || Tidemill.default_reactor
      @subscriptions = {}.compare_by_identity  # an ordered set
    end

    def subscribe(function = nil, &block)
      @reactor.__send__(:check_thread, "subscribe")
      function = @reactor.__send__(:callable, function, block, "function")
      subscription = Subscription.__send__(:new, @reactor, @subscriptions, function)
      @subscriptions[subscription] = true
      subscription
    end

    def publish(value)
      # Each in a tick of its own: one that raises keeps no other from being called.
      @reactor.post { @subscriptions.keys.each { |each| @reactor.next_tick { each.__send__(:call, value) } } }
    end

    def subscribers
      @subscriptions.size
    end
  end

  # Values on one side, functions that wait for one on the other.
  class Queue
    def initialize(reactor: nil)
      @reactor = reactor || Tidemill.default_reactor
      @values = []
      @waiting = []
    end

    def push(value)
      @reactor.__send__(:check_thread, "push")
      @values << value
      match
    end

    def pop(function = nil, &block)
      @reactor.__send__(:check_thread, "pop")
      @waiting << @reactor.__send__(:callable, function, block, "function")
      match
    end

    def size
      @values.size
    end

    def waiting
      @waiting.size
    end

    private

    def match
      return if @values.empty? || @waiting.empty?

      function = @waiting.shift
      value = @values.shift
      @reactor.__send__(:deliver, -> { function.call(value) })
      nil
    end
  end
end
