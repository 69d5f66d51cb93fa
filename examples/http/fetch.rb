# Fetches a URL: the body goes to the standard output or into a file, how far it is to stderr.   ruby examples/http/fetch.rb URL [--output FILE]
#
#     --authorities FILE    who may sign the server's certificate, instead of the system's trust store
#
# The exit code is 0 for an answer below 400, 1 for another answer, 2 if there was none.
require "optparse"
require "tidemill"

class Download < Tidemill::HttpExchange
  attr_reader :code

  def initialize(output)
    @output = output
    @done = @told = 0
    @code = 2
  end

  def on_response(response)
    @code = response.status < 400 ? 0 : 1
    @length = response.header("content-length")
    warn "#{response.url}: #{response.status} #{response.reason}" if @code == 1
  end

  def on_body(data)
    @output.write(data)
    @done += data.bytesize
    return if @done - @told < 1 << 20

    @told = @done
    warn "#{@done} octets#{" of #{@length}" if @length}"
  end

  def on_failure(error)
    @code = 2
    warn error.message
  end
end

file = nil
authorities = ""
urls = OptionParser.new do |options|
  options.on("--output FILE") { |text| file = text }
  options.on("--authorities FILE") { |text| authorities = text }
end.parse!
abort "a URL is needed" if urls.size != 1

output = file ? File.open(file, "wb") : $stdout.binmode
begin
  client = Tidemill::HttpClient.new(tls: Tidemill::TlsContext.new(authorities: authorities), response_timeout: 20.0)
  download = client.stream("GET", urls.first, Download.new(output))
  Tidemill.run
rescue Tidemill::Error => e
  warn e.message
  exit 2
end
output.flush
exit download.code
