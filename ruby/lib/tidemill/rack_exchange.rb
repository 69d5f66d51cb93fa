# frozen_string_literal: true

module Tidemill
  # One request of a Rack application and its answer. What is short is answered at once; a body that comes in pieces runs in a fiber, which
  # rests while the client does not read. With threads all of that is a thread's, and only the calls on the connection are the loop's.
  class RackExchange
    # What a body is cut into; it waits for room behind each.
    PIECE = 262_144

    # The client has gone; raised in the application's body.
    class Disconnected < IOError
    end

    # Three variables and no more: the others come when they are needed (an object with more has memory of its own).
    # @input: the body; @fiber: that the answer's body runs in; @to_thread: a Thread::Queue, for what the loop answers a thread;
    # @is_called, @is_gone, @is_waiting (for room behind a write).
    def initialize(connection, number, env)
      @connection = connection
      @number = number
      @env = env
    end

    # ---- the request's body ----

    def collecting?
      @input && !@is_called
    end

    def take(data)
      @input ||= StringIO.new(String.new)
      return if data.nil?

      spool if @input.is_a?(StringIO) && @input.pos + data.bytesize > RackServer::SPOOL
      @input.write(data)
    end

    # ---- the application ----

    def call
      if @input
        @is_called = true
        @input.rewind
        @env["rack.input"] = @input
      end
      server = @connection.server
      @env["rack.response_finished"] = [] if server.rack3?
      server.threads.positive? ? call_in_thread : call_here
    end

    # ---- what happens to the connection ----

    def gone
      @is_gone = true
      @to_thread&.close
      @fiber.raise(Disconnected, "the client has gone") if @is_waiting && @fiber
      @input&.close unless @is_called
    end

    def drained
      return unless @is_waiting

      @is_waiting = false
      @to_thread ? @to_thread << [true, nil] : @fiber.resume
    end

    # ---- for bodies ----

    # Waits while the client does not read.
    def write(data)
      raise Disconnected, "the client has gone" if @is_gone

      data = data.to_s
      return wait_for_room(data) if data.bytesize <= PIECE

      octets = data.b
      (0...octets.bytesize).step(PIECE) { |place| wait_for_room(octets.byteslice(place, PIECE)) }
    end

    def input
      @env["rack.input"]
    end

    private

    def spool
      file = Tempfile.new("tidemill-rack")
      file.binmode
      file.unlink
      file.write(@input.string)
      @input = file
    end

    def call_here
      status, headers, body = @connection.server.app.call(@env)
      answer(status, headers, body)
    rescue StandardError, ScriptError, SystemStackError => error
      fail_with(error, body)
    end

    def answer(status, headers, body)
      status = status.to_i
      text, count = fields_of(headers)
      @finished = [status, headers] if @env.key?("rack.response_finished")
      if body.is_a?(Array) && body.size == 1 && !@to_thread && body[0].bytesize <= PIECE
        Core.http_respond(@connection, @number, status, text, count, body[0])
        finish(nil) if @input || @finished
      elsif body.is_a?(Array) || (body.respond_to?(:to_ary) && body.respond_to?(:each))
        answer_array(status, text, count, body)
      elsif body.respond_to?(:to_path) && send_file(status, text, count, body)
        close(body)
      else
        answer_in_pieces(status, text, count, body)
      end
    end

    def answer_array(status, text, count, body)
      chunks = body.to_ary
      size = chunks.sum(&:bytesize)
      if size > PIECE
        text, count = with_length(text, count, size)
        return answer_in_pieces(status, text, count, body)
      end
      whole = chunks.size == 1 ? chunks[0] : chunks.map(&:b).join
      on_loop { Core.http_respond(@connection, @number, status, text, count, whole) }
      close(body)
    end

    # False: it is to be read as any other body.
    def send_file(status, text, count, body)
      on_loop { Core.http_respond_file(@connection, @number, status, text, count, body.to_path) }
      true
    rescue OsError, LocalProtocolError
      false
    end

    def answer_in_pieces(status, text, count, body)
      return stream(status, text, count, body) if @to_thread

      @fiber = Fiber.new { stream(status, text, count, body) }
      @fiber.resume
    end

    def stream(status, text, count, body)
      # Chunks are the server's: what Rack::Chunked makes of a body would be chunks within chunks.
      raise ArgumentError.new("a body in chunks of its own (Rack::Chunked); leave that out", operation: "respond") if text.match?(/^transfer-encoding$/i)

      on_loop { Core.http_start(@connection, @number, status, text, count) }
      body.respond_to?(:each) ? body.each { |chunk| write(chunk) } : body.call(Stream.new(self))
      on_loop { Core.http_finish(@connection, @number, "", 0) }
      close(body)
    rescue Disconnected, ClosedError => error
      close(body, error)
    rescue StandardError, ScriptError => error
      fail_with(error, body)
    end

    def wait_for_room(data)
      return if data.empty? || on_loop(waits: true) { Core.http_write(@connection, @number, data) }

      # In a fiber that the body made there is nobody who could rest.
      return unless Fiber.current == @fiber

      @is_waiting = true
      Fiber.yield
    rescue ClosedError
      raise Disconnected, "the client has gone"
    end

    # ---- threads ----

    def call_in_thread
      @to_thread = Thread::Queue.new
      @connection.reactor.defer(-> { call_here })
    rescue LimitError  # all threads are busy, and so are those who wait for one
      Core.http_respond(@connection, @number, 503, "content-type\ntext/plain\nretry-after\n1", 2, "503 Service Unavailable\n")
    end

    # A call on the connection: here, or from a thread in the loop, whose answer it waits for; if it waits also for the room behind a write.
    def on_loop(waits: false)
      return yield unless @to_thread
      raise Disconnected, "the client has gone" if @is_gone

      @connection.reactor.post do
        result = begin
          [yield, nil]
        rescue Error => error
          [nil, error]
        end
        @is_waiting = waits && result == [false, nil]
        @to_thread << result unless @is_waiting || @to_thread.closed?
      end
      value, error = @to_thread.pop || raise(Disconnected, "the client has gone")
      error ? raise(error) : value
    end

    # ---- the end ----

    def fail_with(error, body = nil)
      @connection.server.errors.puts(error.full_message(highlight: false)) unless error.is_a?(Disconnected)
      on_loop { Core.http_fail(@connection, @number) } unless @is_gone
    rescue ClosedError, StateError, Disconnected
      nil
    ensure
      close(body, error)
    end

    def close(body, error = nil)
      body.close if body.respond_to?(:close)
    rescue StandardError => late
      @connection.server.errors.puts(late.full_message(highlight: false))
    ensure
      finish(error)
    end

    def finish(error)
      @input&.close
      @env["rack.response_finished"]&.reverse_each { |function| function.call(@env, *(@finished || [nil, nil]), error) }
    rescue StandardError => late
      @connection.server.errors.puts(late.full_message(highlight: false))
    end

    # How fields cross the border: text and count.
    def fields_of(headers)
      return many_fields_of(headers) if headers.size > 8

      text, count = nil, 0
      headers.each do |name, value|
        return many_fields_of(headers) if !value.is_a?(String) || name.start_with?("rack.")

        text = text ? "#{text}\n#{name}\n#{value}" : "#{name}\n#{value}"
        count += 1
      end
      return ["", 0] unless text

      text.count("\n") == 2 * count - 1 ? [text, count] : many_fields_of(headers)
    end

    # Rack 2 has several values in lines of one text, Rack 3 in an Array.
    def many_fields_of(headers)
      lines = []
      headers.each do |name, value|
        next if name.start_with?("rack.")

        (value.is_a?(Array) ? value : value.to_s.split("\n", -1)).each { |one| lines << name << one }
        lines << name << "" if value == ""
      end
      [lines.join("\n"), lines.size / 2]
    end

    def with_length(text, count, size)
      return [text, count] if text.match?(/^content-length$/i)

      [count.zero? ? "content-length\n#{size}" : "#{text}\ncontent-length\n#{size}", count + 1]
    end

    # What a streaming body of Rack 3 is called with.
    class Stream
      def initialize(exchange)
        @exchange = exchange
        @is_closed = false
      end

      def write(*pieces)
        raise IOError, "closed stream" if @is_closed

        pieces.sum do |piece|
          @exchange.write(piece)
          piece.to_s.bytesize
        end
      end

      def <<(piece)
        write(piece)
        self
      end

      def read(*arguments)
        @exchange.input.read(*arguments)
      end

      def flush
        self
      end

      def close(*)
        @is_closed = true
        nil
      end

      def close_write
        close
      end

      def close_read
      end

      def closed?
        @is_closed
      end
    end
    private_constant :Stream
  end
  private_constant :RackExchange
end
