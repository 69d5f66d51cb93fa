# Echo: every octet comes back.   ruby examples/echo/echo.rb --listen tcp://127.0.0.1:8080
require "optparse"
require "tidemill"

class Echo < Tidemill::Connection
  class << self
    attr_accessor :idle
  end

  def on_open
    set_idle_timeout(Echo.idle)
  end

  def on_data(data)
    write(data)
  end
end

endpoints = []
certificate = key = ""
Echo.idle = 0
OptionParser.new do |options|
  options.on("--listen ENDPOINT", "any number of them; tls:// needs the next two") { |text| endpoints << text }
  options.on("--certificate FILE") { |path| certificate = path }
  options.on("--key FILE") { |path| key = path }
  options.on("--idle SECONDS", Float, "lets go of whoever is silent for so long") { |seconds| Echo.idle = seconds }
end.parse!
%w[INT TERM].each { |signal| trap(signal) { Tidemill.stop } }
context = Tidemill::TlsContext.new(certificate: certificate, private_key: key) unless certificate.empty?
endpoints << "tcp://127.0.0.1:8080" if endpoints.empty?
endpoints.each do |endpoint|
  listener = Tidemill.listen(endpoint, Echo, tls: endpoint.start_with?("tls:") ? context : nil)
  puts "listening on #{listener.endpoint}"
end
$stdout.flush
Tidemill.run
