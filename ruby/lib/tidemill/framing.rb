# frozen_string_literal: true

require "json"

# Connections whose octets come in frames. The core cuts them (bindings/framing.h); the classes here say how, and name the callbacks. What
# their limits are is asked when an object gets its stream: a subclass defines the method anew.
module Tidemill
  # Octets up to LF or CRLF.
  class LineConnection < Connection
    def max_line
      65_536
    end

    def max_text
      1_048_576
    end

    def line_ending
      "crlf"
    end

    def on_line(line)
    end

    # Asked for by overriding it; the core then makes no on_line.
    def on_lines(lines)
      lines.each { |line| on_line(line) }
    end

    def on_text(text)
    end

    alias write_line write_frame
    public :write_line

    def set_text(octets)
      Core.line_set_text(self, octets)
    end

    private

    def protocol
      has_batches = method(:on_lines).owner != LineConnection
      ["lines", "max_line=#{max_line} max_text=#{max_text} line_ending=#{line_ending} batches=#{has_batches ? 1 : 0}"]
    end
  end

  # Messages behind their length.
  class MessageConnection < Connection
    def length_prefix
      "uint32"
    end

    def max_message
      1_048_576
    end

    def on_message(message)
    end

    alias write_message write_frame
    public :write_message

    private

    def protocol
      ["messages", "length_prefix=#{length_prefix} max_message=#{max_message}"]
    end
  end

  # Messages as netstrings.
  class NetstringConnection < Connection
    def max_message
      1_048_576
    end

    def on_message(message)
    end

    alias write_message write_frame
    public :write_message

    private

    def protocol
      ["netstrings", "max_message=#{max_message}"]
    end
  end

  # Blocks of one size.
  class BlockConnection < Connection
    def block_size
      512
    end

    def on_block(block)
    end

    alias write_block write_frame
    public :write_block

    private

    def protocol
      ["blocks", "block_size=#{block_size}"]
    end
  end

  # Lines up to an empty one, then the content that they announce.
  class HeaderContentConnection < Connection
    def max_header
      32_768
    end

    def max_header_lines
      100
    end

    def max_content
      1_048_576
    end

    def on_header(lines)
    end

    def on_content(content)
    end

    def set_content(octets)
      Core.header_set_content(self, octets)
    end

    def write_message(header, content = "")
      Core.header_write(self, header.join("\n"), header.size, content)
    end

    private

    def protocol
      ["header_content", "max_header=#{max_header} max_header_lines=#{max_header_lines} max_content=#{max_content}"]
    end
  end

  # JSON values behind a length of 32 bits.
  class ObjectConnection < Connection
    def max_message
      1_048_576
    end

    def on_object(value)
    end

    def on_message(message)
      value = JSON.parse(message.force_encoding(Encoding::UTF_8))
    rescue JSON::ParserError, EncodingError => problem
      Core.connection_refuse(self, "the peer sent a message that is no JSON: #{problem.message.scrub}")
    else
      on_object(value)
    end

    def write_object(value)
      write_frame(JSON.generate(value))
    rescue JSON::GeneratorError, JSON::NestingError, EncodingError => problem
      raise LocalProtocolError.new("write_object: #{problem.message.scrub}", operation: "write_object", endpoint: peer)
    end

    private

    def protocol
      ["messages", "length_prefix=uint32 max_message=#{max_message}"]
    end
  end
end
