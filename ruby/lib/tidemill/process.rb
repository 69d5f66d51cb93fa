# frozen_string_literal: true

module Tidemill
  # What users subclass for child processes: the callbacks do nothing. The core's half is known by its number, whether or not a subclass
  # calls super in initialize.
  class Process
    def on_stdout(data); end

    def on_stderr(data); end

    def on_drain; end

    def on_exit(code, signal); end

    def write(data)
      Core.process_write(tidemill_core("write"), @tidemill_id, data)
    end

    def close_stdin
      Core.process_close_stdin(tidemill_core("close_stdin"), @tidemill_id)
    end

    def kill(signal = "TERM")
      Core.process_kill(tidemill_core("kill"), @tidemill_id, signal.to_s)
    end

    def pause
      Core.process_pause(tidemill_core("pause"), @tidemill_id)
    end

    def resume
      Core.process_resume(tidemill_core("resume"), @tidemill_id)
    end

    def pid
      @tidemill_pid || 0
    end

    def running?
      !reactor.nil? && Core.process_is_running(@tidemill_core, @tidemill_id)
    end

    def pending
      reactor.nil? ? 0 : Core.process_pending(@tidemill_core, @tidemill_id)
    end

    def reactor
      @tidemill_reactor
    end

    def inspect
      "#<#{self.class} #{pid}#{" running" if running?}>"
    end

    private

    def tidemill_core(operation)
      return @tidemill_core unless reactor.nil?

      raise StateError.new("the process has not been started; spawn does that", operation: operation)
    end

    # Called by the reactor that started it.
    def tidemill_started(reactor, core, number)
      @tidemill_reactor = reactor
      @tidemill_core = core
      @tidemill_id = number
      @tidemill_pid = Core.process_pid(core, number)
    end
  end

  # A function that is called when a file or folder changes. Made by Reactor#watch_file.
  class FileWatch
    attr_reader :path

    private_class_method :new

    def initialize(core, path, function)
      @core = core
      @path = path
      @function = function
    end

    def open?
      @core.watch_is_open(@number)
    end

    def close
      @core.watch_close(@number)
    end

    def inspect
      "#<#{self.class} #{@path}#{" closed" unless open?}>"
    end

    private

    def _on_file(event, name)
      @function.call(event, name)
    end
  end

  # A function that is called when a process has ended. Made by Reactor#watch_process.
  class ProcessWatch
    attr_reader :pid

    private_class_method :new

    def initialize(core, pid, function)
      @core = core
      @pid = pid
      @function = function
    end

    def open?
      @core.watch_is_open(@number)
    end

    def close
      @core.watch_close(@number)
    end

    def inspect
      "#<#{self.class} #{@pid}#{" closed" unless open?}>"
    end

    private

    def _on_ended(pid)
      @function.call(pid)
    end
  end

  # Functions that are called while a descriptor is ready. Made by Reactor#watch_fd.
  class FdWatch
    attr_reader :fd

    private_class_method :new

    def initialize(core, given, on_readable, on_writable)
      @core = core
      @given = given # an IO lives as long as its watch
      @fd = given.is_a?(Integer) ? given : given.fileno
      @on_readable = on_readable
      @on_writable = on_writable
    end

    def open?
      @core.watch_is_open(@number)
    end

    def close
      @core.watch_close(@number)
    end

    def set_readable(is_on)
      Core.fd_watch_set_readable(@core, @number, is_on ? true : false)
    end

    def set_writable(is_on)
      Core.fd_watch_set_writable(@core, @number, is_on ? true : false)
    end

    def inspect
      "#<#{self.class} #{@fd}#{" closed" unless open?}>"
    end

    private

    def _on_readable
      @on_readable.call
    end

    def _on_writable
      @on_writable.call
    end
  end
end
