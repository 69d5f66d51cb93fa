# frozen_string_literal: true

require "tidemill/rack"

module Tidemill
  # What Rack and Rackup call a handler: `rackup -s tidemill -o HOST -p PORT -O Threads=8`.
  class RackHandler
    def self.run(app, **options)
      options = options.transform_keys(&:to_s)
      server = @server = RackServer.new(app, threads: Integer(options.fetch("Threads", 0)), access_log: options["AccessLogFile"])
      yield server if block_given?
      server.run(endpoint(options), workers: Integer(options.fetch("Workers", 1)), drain: Float(options.fetch("Drain", 30)),
                                    max_connections: Integer(options.fetch("MaxConnections", 0)), tls: tls(options)) do |listener|
        $stdout.puts "tidemill #{VERSION} is listening on #{listener.endpoint}"
        $stdout.flush
      end
    ensure
      @server = nil
    end

    def self.shutdown
      @server&.shutdown
    end

    def self.valid_options
      host = default_host
      {
        "Host=HOST" => "Hostname to listen on (default: #{host})",
        "Port=PORT" => "Port to listen on (default: 9292)",
        "Listen=ENDPOINT" => "instead of these: tcp://127.0.0.1:9292, unix:///path",
        "Threads=N" => "Threads that the application runs in (default: 0, it runs in the loop)",
        "Workers=N" => "Processes; 0 for one a core (default: 1)",
        "Drain=SECONDS" => "How long a TERM lets requests finish (default: 30)",
        "MaxConnections=N" => "At the same time; 0 for no such limit (default: 0)",
        "AccessLogFile=FILE" => "A line for each request in the combined format; - is standard output",
        "Certificate=FILE" => "PEM; serves https",
        "Key=FILE" => "PEM; left out if it is in the certificate's file",
      }
    end

    def self.default_host
      ENV.fetch("RACK_ENV", "development") == "development" ? "localhost" : "0.0.0.0"
    end
    private_class_method :default_host

    def self.endpoint(options)
      options["Listen"] || "tcp://#{(options["Host"] || default_host).then { |host| host.include?(":") ? "[#{host}]" : host }}:#{options.fetch("Port", 9292)}"
    end
    private_class_method :endpoint

    def self.tls(options)
      certificate = options["Certificate"]
      certificate && TlsContext.new(certificate: certificate, private_key: options["Key"] || certificate)
    end
    private_class_method :tls
  end
end
