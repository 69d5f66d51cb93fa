# frozen_string_literal: true

module Tidemill
  # What users subclass to serve HTTP. Besides these callbacks there is on_response(request, status, octets, seconds), which costs nothing as
  # long as it is not defined.
  class HttpConnection < Connection
    # Whether answers have the field Date.
    def adds_date
      true
    end

    # Octets of a request's head, and of its body; requests on one connection.
    def max_header
      32_768
    end

    def max_body
      2**53
    end

    def max_requests
      1000
    end

    def on_request(request)
      request.respond(404)
    end

    def on_body(request, data)
    end

    def on_body_end(request)
    end

    def on_response_drain(request)
    end

    def on_refusal(status, error)
    end

    private

    def protocol
      limits = "max_header=#{max_header} max_body=#{max_body} max_requests=#{max_requests}"
      ["http", "has_log=#{respond_to?(:on_response) ? 1 : 0} adds_date=#{adds_date ? 1 : 0} #{limits}"]
    end

    def _on_request(number, method, target, has_body)
      @tidemill_request = HttpRequest.__send__(:new, self, number, method, target, has_body)
      on_request(@tidemill_request)
    end

    def _on_body(data)
      on_body(@tidemill_request, data)
    end

    def _on_body_end
      on_body_end(@tidemill_request)
    end

    def _on_collected(body)
      @tidemill_request.__send__(:collected, body)
    end

    def _on_response_drain
      on_response_drain(@tidemill_request)
    end

    def _on_response(status, octets, seconds, was_cut)
      @tidemill_request.__send__(:cut=, was_cut)
      on_response(@tidemill_request, status, octets, seconds)
    end

    def _on_refusal(status, error)
      on_refusal(status, error)
    end
  end

  # A request that is being answered. The core keeps it; here is its number.
  class HttpRequest
    attr_reader :method, :target, :connection, :number

    private_class_method :new

    def initialize(connection, number, method, target, has_body)
      @connection = connection
      @number = number
      @method = method
      @target = target
      @has_body = has_body
    end

    # ---- what was asked ----

    def has_body
      @has_body
    end

    def cut?
      @is_cut || false
    end

    def path
      path = without_authority.partition("?").first
      path.empty? ? "/" : path
    end

    def query
      @target.partition("?").last
    end

    def version
      Core.http_version(@connection, @number)
    end

    def headers
      @headers ||= HttpRequest.__send__(:pairs, Core.http_fields(@connection, @number))
    end

    def header(name, default: nil)
      value = Core.http_header(@connection, @number, name)
      value.empty? ? default : value[1..]
    end

    def trailers
      HttpRequest.__send__(:pairs, Core.http_trailers(@connection, @number))
    end

    def answered?
      Core.http_is_answered(@connection, @number)
    end

    def log_line(status, octets)
      Core.http_log_line(@connection, @number, status, octets)
    end

    # ---- its body ----

    def pause
      Core.http_pause(@connection, @number)
    end

    def resume
      Core.http_resume(@connection, @number)
    end

    def collect(function = nil, limit: -1, &block)
      function ||= block
      raise ::TypeError, "a block or something with call is needed" unless function.respond_to?(:call)

      @collected = function
      Core.http_collect(@connection, @number, limit)
    end

    def respond_continue
      Core.http_respond_continue(@connection, @number)
    end

    def compress
      Core.http_compress(@connection, @number)
    end

    # ---- the answer ----

    def respond(status, headers = nil, body = "")
      Core.http_respond(@connection, @number, status, *text(headers), body)
    end

    def start(status, headers = nil)
      Core.http_start(@connection, @number, status, *text(headers))
    end

    def write(data)
      Core.http_write(@connection, @number, data)
    end

    def finish(trailers = nil)
      Core.http_finish(@connection, @number, *text(trailers))
    end

    def start_events(headers = nil)
      Core.http_start_events(@connection, @number, *text(headers))
    end

    def send_event(data, event: "", id: "", retry_after: -1.0)
      Core.http_send_event(@connection, @number, data, event, id, retry_after)
    end

    def ping
      Core.http_ping(@connection, @number)
    end

    def upgrade(handler = nil, headers: nil, status: 101, &block)
      @connection.reactor.__send__(:upgrade, self, handler, status, *text(headers), &block)
    end

    def inspect
      "#<#{self.class} #{@method} #{@target}>"
    end

    def self.pairs(text)
      text.split("\n", -1).each_slice(2).to_a
    end
    private_class_method :pairs

    # How fields cross the border: text and count. A Hash, or an Array of pairs.
    def self.text_of(fields)
      return ["", 0] if fields.nil? || fields.empty?

      lines = fields.to_a.flatten(1)
      [lines.join("\n"), lines.size / 2]
    end
    private_class_method :text_of

    private

    def collected(body)
      @collected.call(self, body)
    end

    def cut=(was_cut)
      @is_cut = was_cut
    end

    def without_authority
      return @target if @target.start_with?("/")

      _, scheme, rest = @target.partition("://")
      scheme.empty? ? @target : rest[%r{[/?].*}].to_s
    end

    def text(fields)
      HttpRequest.__send__(:text_of, fields)
    end
  end

  # A folder over HTTP.
  class StaticFiles
    def initialize(folder, index: "index.html", cache_control: "")
      @core = Core::StaticFilesCore.new(File.path(folder), index, cache_control)
    end

    def serve(request, path: "")
      @core.serve(request.connection, request.number, path)
    end

    def inspect
      "#<#{self.class}>"
    end
  end
end
