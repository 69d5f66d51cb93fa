# frozen_string_literal: true

module Tidemill
  # What users subclass for a WebSocket, of a server and of a client. What its options are is asked when an object gets its stream: a
  # subclass defines the method anew.
  class WebSocketConnection < Connection
    def max_message
      1_048_576
    end

    def max_fragments
      128
    end

    def compresses
      true
    end

    def streams
      false
    end

    def subprotocols
      []
    end

    def handshake_timeout
      10.0
    end

    def ping_interval
      30.0
    end

    def pong_timeout
      20.0
    end

    # ---- of a client ----

    def path
      "/"
    end

    def host
      ""
    end

    def origin
      ""
    end

    def headers
      []
    end

    # ---- callbacks ----

    def on_handshake(handshake)
    end

    def on_text(text)
    end

    def on_binary(data)
    end

    def on_part(data, is_text, is_first, is_last)
    end

    def on_ping(payload)
    end

    def on_pong(payload)
    end

    def on_shutdown
      close(1001)
    end

    # ---- calls ----

    def send_text(text)
      Core.websocket_send_text(self, text)
    end

    def send_binary(data)
      Core.websocket_send_binary(self, data)
    end

    def ping(payload = "")
      Core.websocket_ping(self, payload)
    end

    def close(code = 1000, reason = "")
      Core.websocket_close(self, code, reason)
    end

    # ---- what is known ----

    def target
      Core.websocket_target(self)
    end

    def subprotocol
      Core.websocket_subprotocol(self)
    end

    def close_code
      Core.websocket_close_code(self)
    end

    def close_reason
      Core.websocket_close_reason(self)
    end

    private

    def protocol
      fields, count = HttpRequest.__send__(:text_of, headers)
      words = {subprotocols: subprotocols.join(","), path: path, host: host, origin: origin, headers: fields}
      options = {max_message: max_message, max_fragments: max_fragments, compresses: compresses ? 1 : 0, streams: streams ? 1 : 0,
                 header_count: count,
                 handshake: microseconds(handshake_timeout), ping: microseconds(ping_interval), pong: microseconds(pong_timeout)}
      options.update(words.transform_values { |word| word.unpack1("H*") })
      ["websocket", options.map { |name, value| "#{name}=#{value}" }.join(" ")]
    end

    def microseconds(seconds)
      (seconds * 1_000_000).round
    end

    def _on_handshake(target, origin, subprotocols)
      on_handshake(WebSocketHandshake.__send__(:new, self, target, origin, subprotocols.split(",")))
    end
  end

  # What a client asks a server for, during on_handshake.
  class WebSocketHandshake
    attr_reader :target, :origin, :subprotocols

    private_class_method :new

    def initialize(connection, target, origin, subprotocols)
      @connection = connection
      @target = target
      @origin = origin
      @subprotocols = subprotocols
    end

    def headers
      @headers ||= HttpRequest.__send__(:pairs, Core.websocket_fields(@connection))
    end

    def header(name, default: nil)
      found = headers.find { |known, _| known.casecmp?(name) }
      found ? found.last : default
    end

    def refuse(status = 403)
      Core.websocket_refuse(@connection, status)
    end

    def choose(subprotocol)
      Core.websocket_choose(@connection, subprotocol)
    end

    def add_header(name, value)
      Core.websocket_add_field(@connection, name, value)
    end

    def inspect
      "#<#{self.class} #{@target}>"
    end
  end
end
