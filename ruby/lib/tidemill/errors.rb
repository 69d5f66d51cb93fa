# frozen_string_literal: true

# The exception classes, made from the core's table of error codes.
module Tidemill
  class Error < StandardError
    attr_reader :code, :operation, :endpoint, :errno, :errno_name

    def initialize(text = nil, code: "", operation: "", endpoint: "", errno: 0, errno_name: "")
      super(text)
      @code = code
      @operation = operation
      @endpoint = endpoint
      @errno = errno
      @errno_name = errno_name
    end
  end

  ERROR_CLASSES = Core.error_table.lines.to_h do |line|
    code, name = line.split
    made = Class.new(Error) { define_method(:initialize) { |text = nil, **facts| super(text, code: code, **facts) } }
    const_set(name, made)
    [code, made]
  end.freeze
  private_constant :ERROR_CLASSES

  # Called by the wrapped functions when they fail, and for what on_close is told.
  def Core.make_error(code, errno, errno_name, operation, endpoint, text)
    ERROR_CLASSES.fetch(code).new(text, operation: operation, endpoint: endpoint, errno: errno, errno_name: errno_name)
  end
end
