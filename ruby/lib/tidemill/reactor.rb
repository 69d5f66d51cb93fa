# frozen_string_literal: true

# Reactor and Listener over the wrapped core. Functions and open connections are kept here, in ordinary hashes, and the core knows them by
# number: so Ruby's garbage collector sees every reference, and a reactor that nobody holds goes with all it has. call_later, call_every,
# next_tick and post are written in bindings/ruby_reactor.cpp, which keeps their functions.
module Tidemill
  # A call in the future. Made by call_later and call_every.
  class Timer
    private_class_method :new

    def inspect
      "#<#{self.class}#{" active" if active?}>"
    end
  end

  # Accepts connections. Made by Reactor#listen; stays until close or until the reactor stops.
  class Listener
    attr_reader :endpoint

    private_class_method :new

    def initialize(core, factories, ticket, number)
      @core = core
      @factories = factories
      @ticket = ticket
      @number = number
      @endpoint = core.listener_endpoint(number)
    end

    def open?
      @core.listener_is_open(@number)
    end

    def pause
      @core.listener_pause(@number)
    end

    def resume
      @core.listener_resume(@number)
    end

    def close
      @core.listener_close(@number)
      @factories.delete(@ticket)
      nil
    end

    def inspect
      "#<#{self.class} #{@endpoint}#{" closed" unless open?}>"
    end
  end

  # A function that is called when a signal comes. Made by Reactor#on_signal.
  class SignalWatch
    attr_reader :name

    private_class_method :new

    def initialize(core, name, function)
      @core = core
      @name = name
      @function = function
    end

    def open?
      @core.watch_is_open(@number)
    end

    def close
      @core.watch_close(@number)
    end

    def inspect
      "#<#{self.class} #{@name}#{" closed" unless open?}>"
    end

    private

    def _on_signal(name)
      @function.call(name)
    end
  end

  # The loop. One thread owns it: the one that runs it; post is what other threads may call.
  class Reactor
    def initialize(poller: "", clock: "")
      @open = {}.compare_by_identity  # connections from listen/connect until on_close has returned
      @functions = {}                 # ticket => what the loop calls once: an answer, a delivery, the end of a hold
      @factories = {}                 # ticket => factory
      @objects = {}                   # ticket => what else has callbacks: watches, ...; the core takes it out after its last one
      @last_ticket = 0
      @error_handler = nil
      @slow_watch = nil               # its ticket
      @callee = nil                   # the function that was called last, kept only while slow callbacks are watched
      @pool = nil                     # made when defer is first called
      @core = make_core(poller, clock)
      Core.open_door(self, @core)
    end

    # ---- running ----

    def run(setup = nil, &block)
      function = setup.nil? && block.nil? ? nil : callable(setup, block, "setup")
      # Posted and not ticked: a reactor of another thread is taken over by run, not before. One that runs already refuses below.
      post(function) if function && !running?
      @core.run(self)
      nil
    ensure
      forget_if_stopped
    end

    def run_once(timeout = 0.0)
      @core.run_once(self, timeout)
    ensure
      forget_if_stopped
    end

    def poll(timeout = 0.0, budget = 0.0)
      @core.poll(self, timeout, budget)
    ensure
      forget_if_stopped
    end

    def stop
      @core.stop
    end

    def drain(deadline = 30.0)
      @core.drain(deadline)
      nil
    end

    def draining?
      @core.is_draining
    end

    def running?
      @core.is_running
    end

    # ---- what comes later ----

    # The function or block is the work.
    def defer(work = nil, done: nil, arguments: [], &block)
      work = callable(work, block, "work")
      @core.check_going("defer")
      @pool ||= make_pool
      job = Job.new(self, work, arguments.to_a)
      deferred = job.deferred = Deferred.new(reactor: self, canceller: -> { end_job(job) })
      deferred.on_success(done) unless done.nil?
      @pool.submit(job)
      job.hold = hold { stop_job(job) }
      deferred
    end

    def threads
      @core.threads
    end

    def set_threads(count)
      @core.set_threads(count)
      @pool.most = count if @pool
      nil
    end

    def resolve(host)
      ticket = next_ticket
      deferred = Deferred.new(reactor: self, canceller: -> { cancel_look_up(ticket) })
      @core.resolve(host, ticket)
      @functions[ticket] = -> { take_addresses(deferred) }
      deferred
    end

    # ---- streams ----

    def listen(endpoint, factory = nil, backlog: 1024, mode: -1, reuse_port: false, max_connections: 0, tls: nil, &block)
      factory = factory(factory, block)
      ticket = next_ticket
      number = @core.listen(endpoint, ticket, backlog, mode, reuse_port ? true : false, max_connections,
                            TlsContext.__send__(:core_of, tls))
      @factories[ticket] = factory
      Listener.__send__(:new, @core, @factories, ticket, number)
    end

    def connect(endpoint, handler = nil, connect_timeout: 30.0, tls: nil, server_name: "", &block)
      tls = TlsContext.__send__(:core_of, tls)
      start(handler, block) { |connection| @core.connect(endpoint, connection, connect_timeout, tls, server_name) }
    end

    # ---- datagrams ----

    def open_datagram(endpoint, handler = nil, connect_to: "", reuse_address: false, reuse_port: false, receive_buffer: 0, send_buffer: 0,
                      mode: -1, &block)
      made = handler.is_a?(Datagram) && block.nil? ? handler : make(factory(handler, block, Datagram))
      check_datagram(made)
      @objects[ticket = next_ticket] = made
      begin
        number = Core.open_datagram(@core, endpoint, connect_to, reuse_address, reuse_port, receive_buffer, send_buffer, mode, ticket)
        made.__send__(:tidemill_opened, self, @core, number)
      ensure
        @objects.delete(ticket) unless number
      end
      made
    end

    # ---- other things that happen ----

    # The function or block is called with the name.
    def on_signal(name, function = nil, &block)
      watch = SignalWatch.__send__(:new, @core, name, callable(function, block, "function"))
      add_object(watch) { |ticket| @core.on_signal(name, ticket) }
    end

    # The function or block is called with the event and the name.
    def watch_file(path, function = nil, &block)
      path = path.respond_to?(:to_path) ? path.to_path : path
      watch = FileWatch.__send__(:new, @core, path, callable(function, block, "function"))
      add_object(watch) { |ticket| Core.watch_file(@core, path, ticket) }
    end

    # The function or block is called with the pid.
    def watch_process(pid, function = nil, &block)
      watch = ProcessWatch.__send__(:new, @core, pid, callable(function, block, "function"))
      add_object(watch) { |ticket| Core.watch_process(@core, pid, ticket) }
    end

    # fd: an IO, or a number. A block is on_readable.
    def watch_fd(fd, on_readable: nil, on_writable: nil, &block)
      on_readable = callable(on_readable, block, "function") if on_readable || block
      on_writable = callable(on_writable, nil, "function") if on_writable
      watch = FdWatch.__send__(:new, @core, fd, on_readable, on_writable)
      add_object(watch) { |ticket| Core.watch_fd(@core, watch.fd, !on_readable.nil?, !on_writable.nil?, ticket) }
    end

    # ---- processes and the standard input ----

    def spawn(argv, handler = nil, cwd: "", environment: nil, stdin: "pipe", stdout: "pipe", stderr: "inherit", shell: false,
              kill_on_stop: "", &block)
      made = handler.is_a?(Process) && block.nil? ? handler : make(factory(handler, block, Process))
      check_process(made)
      raise ::TypeError, "argv must be an Array, or with shell: true one String" unless argv.is_a?(shell ? String : Array)

      words = Array(argv)
      variables = (environment || {}).map { |name, value| "#{name}=#{value}" }
      @objects[ticket = next_ticket] = made
      begin
        number = Core.spawn_process(@core, words.join("\0"), words.size, cwd.to_s, variables.join("\0"), environment ? variables.size : -1,
                                    "#{stdin} #{stdout} #{stderr}", shell ? true : false, kill_on_stop.to_s, ticket)
        made.__send__(:tidemill_started, self, @core, number)
      ensure
        @objects.delete(ticket) unless number
      end
      made
    end

    def open_input(handler = nil, raw: false, &block)
      connection = adopt(handler.is_a?(Connection) && block.nil? ? handler : make(factory(handler, block)))
      begin
        Core.open_input(@core, connection, raw ? true : false)
        started = true
      ensure
        @open.delete(connection) unless started
      end
      connection
    end

    # ---- the rest ----

    # What callbacks raise goes to the function or block as (error, connection or nil); neither restores the default.
    def set_error_handler(function = nil, &block)
      @error_handler = function.nil? && block.nil? ? nil : callable(function, block, "function")
      nil
    end

    # How long the loop looks again and again before it sleeps: 0, the default, to 0.01 seconds.
    def set_spin(seconds)
      @core.set_spin(seconds)
      nil
    end

    # The function or block is called with a SlowCallback; without either a line goes to stderr.
    def set_slow_callback(seconds, function = nil, &block)
      function = callable(function, block, "function") if function || block
      ticket = next_ticket
      @core.set_slow_callback(seconds, ticket)
      @objects.delete(@slow_watch)
      @slow_watch = seconds.positive? ? ticket : nil
      @objects[ticket] = SlowWatch.new(function, @objects, @open, -> { @callee }) if @slow_watch
      @callee = nil
    end

    def metrics
      Core.metrics_of(@core.metrics)
    end

    def prometheus
      @core.prometheus
    end

    def fd
      @core.fd
    end

    def now
      @core.now
    end

    def advance(seconds)
      @core.advance(seconds)
    end

    def poller
      @core.poller
    end

    def inspect
      "#<#{self.class} #{poller}#{" running" if running?}>"
    end

    private

    # ---- what the loop calls ----

    def call_function(ticket)
      function = @functions.delete(ticket)
      @callee = function if @slow_watch
      function.call
    end

    def accept(ticket)
      factory = @factories[ticket]
      @callee = factory if @slow_watch
      adopt(make(factory))
    end

    # Offers what a callback raised to those who may take it; what nobody takes goes on. In rescue clauses, so that what a taker raises
    # itself has the first one as its cause.
    def judge(error, connection)
      raise error
    rescue StandardError => error
      return hand_over(error, connection) unless connection.respond_to?(:on_error, true)

      begin
        connection.__send__(:on_error, error)
      rescue StandardError => error
        hand_over(error, connection)
      end
    end

    def hand_over(error, connection)
      raise error if @error_handler.nil?

      @error_handler.call(error, connection)
    end

    # One exception leaves run; a later one is told about here, so that nothing is lost silently.
    def report(error)
      $stderr.puts "tidemill: raised after the one that leaves run: #{error.full_message(highlight: false)}"
    end

    # ---- what comes later ----

    def check_thread(operation)
      @core.check_thread(operation)
    end

    # A tick that a stop does not drop.
    def deliver(function)
      ticket = next_ticket
      @core.deliver(ticket)
      @functions[ticket] = function
    end

    # Keeps run running until release; a stop calls the block instead.
    def hold(&block)
      ticket = next_ticket
      hold = [@core.hold(ticket), ticket]
      @functions[ticket] = block
      hold
    end

    def release(hold)
      number, ticket = hold
      @core.release(number)
      @functions.delete(ticket)
    end

    def make_pool
      pool = Pool.new(@core.threads)
      ObjectSpace.define_finalizer(self, Pool.closer(pool.jobs))
      pool
    end

    def finish_job(job, is_success, value)
      return if job.deferred.done?

      release(job.hold)
      is_success ? job.deferred.succeed(value) : job.deferred.fail(value)
    end

    def end_job(job)
      @pool.drop(job)
      release(job.hold)
    end

    def stop_job(job)
      job.deferred.__send__(:give_up, CancelledError.new("defer: the reactor stopped before it was done", operation: "defer"))
    end

    def take_addresses(deferred)
      deferred.succeed(@core.take_answer.split("\n"))
    rescue Error => error
      deferred.fail(error)
    end

    def cancel_look_up(ticket)
      @core.resolve_cancel(ticket)
      @functions.delete(ticket)
    end

    # ---- helpers ----

    def make_core(poller, clock)
      Core::ReactorCore.new(poller, clock)
    rescue OsError => error
      raise unless %w[EMFILE ENFILE].include?(error.errno_name)

      # Reactors that nobody holds have descriptors until they are collected. Ruby's own IO does the same.
      GC.start
      Core::ReactorCore.new(poller, clock)
    end

    def callable(function, block, what)
      raise ::ArgumentError, "a #{what} or a block, not both" if function && block

      function = block if function.nil?
      raise ::ArgumentError, "a #{what} or a block is needed" if function.nil?
      return function if function.respond_to?(:call)

      raise ::TypeError, "#{what} must have a method call, not be #{function.class}"
    end

    # A class of that kind, or what makes objects of it.
    def factory(given, block, kind = Connection)
      return callable(given, block, "factory") unless given.is_a?(Class) && block.nil?
      return given if given <= kind

      raise ::TypeError, "a subclass of #{kind} is needed, not #{given}"
    end

    def check_process(made)
      raise ::TypeError, "a Tidemill::Process is needed, not #{made.class}" unless made.is_a?(Process)
      return if made.reactor.nil? || !Core.process_is_there(@core, made.instance_variable_get(:@tidemill_id))

      raise StateError.new("this process object is in use already", operation: "spawn")
    end

    def check_datagram(made)
      raise ::TypeError, "a Tidemill::Datagram is needed, not #{made.class}" unless made.is_a?(Datagram)
      return if %w[new closed].include?(made.state)

      raise StateError.new("this datagram object is in use already", operation: "open_datagram", endpoint: made.local)
    end

    def make(factory)
      factory.is_a?(Class) ? factory.new : factory.call
    end

    def adopt(connection)
      raise ::TypeError, "a Tidemill::Connection is needed, not #{connection.class}" unless connection.is_a?(Connection)

      unless Core.connection_is_free(connection)
        raise StateError.new("this connection object is in use already", operation: "connect", endpoint: Core.connection_peer(connection))
      end
      protocol = connection.__send__(:protocol)
      Core.connection_set_protocol(connection, *protocol) if protocol
      Core.adopt(connection, self)
      @open[connection] = true
      connection
    end

    # A connection object for a stream that the block's call of the core begins.
    def start(handler, block)
      connection = adopt(handler.is_a?(Connection) && block.nil? ? handler : make(factory(handler, block)))
      begin
        yield connection
        started = true
      ensure
        @open.delete(connection) unless started
      end
      connection
    end

    # Connection#become: the stream of one connection object goes to another.
    def replace(replaced, handler, leftover, &block)
      start(handler, block) { |connection| Core.connection_become(replaced, connection, leftover) }
    end

    # HttpRequest#upgrade: the same, once the request is over.
    def upgrade(request, handler, status, fields, count, &block)
      start(handler, block) do |connection|
        Core.http_upgrade(request.connection, request.number, connection, status, fields, count)
      end
    end

    # Yields the ticket of an object with callbacks to the core's call that makes its other half and answers its number there.
    def add_object(made)
      ticket = next_ticket
      @objects[ticket] = made
      made.instance_variable_set(:@number, yield(ticket))
      started = true
      made
    ensure
      @objects.delete(ticket) unless started
    end

    def next_ticket
      @last_ticket += 1
    end

    def forget_if_stopped
      return unless @core.take_stopped

      Core.forget_calls(self)
      @functions.clear
      @factories.clear
    end
  end
end
