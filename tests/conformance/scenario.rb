# frozen_string_literal: true

# A scenario, read from its file: the grammar of format 1 and the parser. README.md is the format. Knows nothing of the library.

HERE = File.realpath(__dir__)

Malformed = Class.new(StandardError)  # the file is no scenario of format 1

# -- Grammar: the shape of what follows a verb; each CAPITAL word stands for its pattern in WORDS ----------------------

ACTIONS = {
  "listen" => "NEW( backlog=COUNT)?( reuse_port=YES)?( max_connections=COUNT)?( tls=CONTEXT)?( protocol=PROTOCOL)?( at ENDPOINT)?", "connect" => "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?( tls=CONTEXT)?( server_name=SERVER)?( protocol=PROTOCOL)?",
  "open_datagram" => "NEW( at ENDPOINT)?( to TO)?", "write" => "E VALUE( to TO)?", "join" => "E TO", "set_multicast_ttl" => "E COUNT",
  "close" => "E", "abort" => "E", "end_write" => "E", "pause" => "E", "resume" => "E",
  "send_file" => "E ENDPOINT( offset=COUNT)?( length=COUNT)?", "proxy_to" => "E E( length=COUNT)?", "stop_proxy" => "E",
  "write_line" => "E VALUE", "write_message" => "E VALUE", "write_block" => "E VALUE", "write_content" => "E TEXT VALUE", "write_object" => "E TEXT",
  "set_text" => "E COUNT", "set_content" => "E COUNT",
  "respond" => "E COUNT VALUE", "start_response" => "E COUNT TEXT", "write_body" => "E VALUE", "finish_response" => "E", "collect" => "E COUNT",
  "pause_request" => "E", "resume_request" => "E", "compress" => "E",
  "finish_with_trailers" => "E TEXT", "check_request" => "E WORD TEXT", "respond_continue" => "E", "upgrade_to" => "E NEW TEXT",
  "start_events" => "E", "send_event" => "E TEXT( event=WORD)?( id=SERVER)?", "ping_events" => "E", "static_files" => "NEW ENDPOINT", "serve_file" => "E E",
  "http_hosts" => "NEW", "add_site" => "E WORD TEXT", "serve_site" => "E E", "access_log" => "NEW ENDPOINT", "log_response" => "E E", "reopen" => "E",
  "http_client" => "NEW E( proxy=WORD)?( proxy_authorization=TEXT)?( cookies=TO)?( PROTOCOL)?", "fetch" => "NEW E WORD TEXT( VALUE)?( expect=YES)?", "stream" => "NEW E WORD TEXT",
  "cookie_jar" => "NEW", "set_cookie" => "E WORD TEXT", "clear" => "E",
  "send_text" => "E VALUE", "send_binary" => "E VALUE", "ping" => "E VALUE", "close_websocket" => "E COUNT TEXT", "refuse_handshake" => "E COUNT", "choose_subprotocol" => "E WORD", "add_header" => "E TEXT", "upgrade" => "E NEW( protocol=PROTOCOL)?( with TEXT)?",
  "become" => "E NEW( VALUE)?( protocol=PROTOCOL)?", "make_file" => "ENDPOINT VALUE",
  "spawn" => "NEW TEXT( kill_on_stop=WORD)?", "close_stdin" => "E", "kill" => "E WORD", "on_signal" => "NEW WORD", "watch_process" => "NEW E", "watch_file" => "NEW ENDPOINT",
  "deferred" => "NEW", "follow" => "NEW E", "succeed" => "E TEXT", "fail" => "E CODE", "set_timeout" => "E TIME", "channel" => "NEW", "subscribe" => "NEW E",
  "publish" => "E TEXT", "queue" => "NEW", "push" => "E TEXT", "pop" => "NEW E", "defer" => "NEW WORK TEXT", "resolve" => "NEW ENDPOINT",
  "set_idle_timeout" => "E TIME", "set_close_timeout" => "E TIME", "set_output_limit" => "E COUNT", "set_watermarks" => "E COUNT COUNT",
  "call_later" => "NEW TIME", "call_every" => "NEW TIME",
  "next_tick" => "NEW", "post" => "NEW", "start_tls" => "E CONTEXT( server_name=SERVER)?", "cancel" => "E( YES)?", "stop" => "", "drain" => "TIME", "spin" => "TIME", "run" => "(raises TEXT)?", "turn" => "(COUNT)?",
  "counted" => "WORD COUNT", "check" => "E WORD ENDPOINT", "fails" => "CODE( ERRNO)? ACTION"
}.freeze
PLAIN = ACTIONS.merge("advance" => "TIME").freeze
REACTIONS = ACTIONS.merge("echo" => "", "raise" => "TEXT", "nothing" => "").freeze
STEPS = PLAIN.merge("error_handler" => "(OFF)?", "drop" => "E", "gone" => "E", "logged" => "ENDPOINT VALUE", "when" => "GROUP EVENT do ACTION",
                    "expect" => "(NOTHING|E LINE)", "then" => "E LINE", "ignore" => "GROUP (EVENT|\\*)").freeze
LINES = {"on_open" => "", "on_data" => "(OCTETS|total COUNT( of OCTETS)?)", "on_exit" => "WORD", "on_file" => "WORD", "on_drain" => "", "on_shutdown" => "", "on_proxy_end" => "REASON", "on_end" => "", "on_close" => "REASON",
         "on_error" => "TEXT", "on_tls" => "TEXT", "fired" => "", "on_datagram" => "VALUE( from TO)?", "on_lost" => "REASON( of TO)?",
         "on_success" => "TEXT", "on_failure" => "REASON", "cancelled" => "", "received" => "TEXT",
         "on_line" => "VALUE", "on_text" => "VALUE", "on_message" => "VALUE", "on_block" => "VALUE", "on_header" => "VALUE", "on_content" => "VALUE",
         "on_object" => "TEXT",
         "on_request" => "VALUE", "on_body" => "VALUE", "on_body_end" => "", "on_collected" => "VALUE", "on_response" => "VALUE", "on_interim" => "VALUE", "on_response_drain" => "",
         "on_refusal" => "TEXT",
  "on_handshake" => "VALUE", "on_binary" => "VALUE", "on_part" => "VALUE", "on_ping" => "VALUE", "on_pong" => "VALUE"}.freeze
TEXT = '"(?:[^"\\\\]|\\\\.)*"'
NAME = "[a-z][a-z_]*[0-9]*"
WORDS = {
  "NEW" => NAME, "E" => "@|#{NAME}", "GROUP" => "#{NAME}|[a-z][a-z_]*\\*", "EVENT" => LINES.keys.join("|"), "TEXT" => TEXT,
  "WORD" => '[^\s"]+', "VALUE" => "#{TEXT}(?: x [0-9]+)?", "OCTETS" => "(?!\"\")#{TEXT}(?: x [0-9]+)?", "ENDPOINT" => "#{TEXT}|[^\\s\"]+", "TO" => "#{TEXT}|[^\\s\"]+",
  "COUNT" => "-?[0-9]+", "TIME" => '-?[0-9]+(?:\.[0-9]+)?', "NOTHING" => "nothing(?: yet)?", "CONTEXT" => "[a-z]+", "PROTOCOL" => "[a-z0-9_,=/:.|]+", "SERVER" => '[^\s"]+', "YES" => "true|false", "OFF" => "off", "WORK" => "echo|raise",
  "CODE" => "[a-z_]+", "ERRNO" => "E[A-Z0-9]+", "REASON" => 'ok|\*|os E[A-Z0-9]+|[a-z_]+', "LINE" => ".+", "ACTION" => ".+"
}.freeze
HEAD = {"format" => "1", "spec" => ".+", "over" => "(tcp|unix|memory|tls)( (tcp|unix|memory|tls))*", "clock" => "manual|system", "needs" => "ipv6",
        "langs" => "(cpp|python|lua|ruby)( (cpp|python|lua|ruby))*", "limit" => '[0-9]+(\.[0-9]+)?', "fails" => "[0-9]+|end"}.freeze
ESCAPES = {"r" => "\r", "n" => "\n", "t" => "\t", "0" => "\0", "\\" => "\\", '"' => '"'}.freeze

# The shape's pattern, with one group for each CAPITAL word, and those words.
COMPILED = Hash.new do |known, shape|
  pattern = shape.gsub("(", "(?:").gsub(/[A-Z]+/) { |word| "(#{WORDS[word]})" }
  known[shape] = [/\A(?:#{pattern})\z/, shape.scan(/[A-Z]+/)]
end

def octets(value)
  text, _, times = value.b.rpartition('"')
  plain = text[1..].gsub(/\\(x\h\h|.)/mn) do
    escape = Regexp.last_match(1)
    raise Malformed, "no escape \\#{escape}" if escape.size == 1 && !ESCAPES.key?(escape)

    ESCAPES[escape]&.b || escape[1..].hex.chr
  end
  plain * (times.empty? ? 1 : times[3..].to_i)
end

def group_of(name)
  "#{name.sub(/[0-9]+\z/, "")}*"
end

# -- Scenario: a file, read --------------------------------------------------------------------------------------------

class Scenario
  attr_reader :path, :name, :line, :head, :steps

  def initialize(path)
    @path = path
    @line = 1
    @name = path.delete_prefix("#{HERE}/scenarios/")
    @head = {}
    @steps = []
    @whens = {}
    @made = {"reactor" => true}  # names: by any step
    @made_once = {}              # by a step outside reactions
    @used = []                   # line and name
  end

  # Fills head and steps (line, verb, arguments; repeat written out); after Malformed, line says where.
  def read
    block = nil  # in a repeat: its line, its count, its lines
    File.read(@path, encoding: "UTF-8").split("\n").each.with_index(1) do |text, number|
      @line = number
      text = text.strip
      if text.start_with?("#")
        read_head(*text[2..].to_s.split(": ", 2))
      elsif !text.empty? && !(@head.key?("format") && @head.key?("spec"))
        raise Malformed, "format and spec come first"
      elsif !block && text.match?(/\Arepeat [0-9]+\z/)
        block = [@line, text[7..].to_i, []]
      elsif block && text == "end"
        repeat(block)
        block = nil
      elsif block
        block[2] << [@line, text]
      elsif !text.empty?
        add(text)
      end
    end
    check_whole(block)
  end

  def reacts?(name, event)
    @whens.key?([name, event]) || @whens.key?([group_of(name), event])
  end

  private

  def repeat(block)
    (1..block[1]).each do |n|
      block[2].each do |line, inner|
        @line = line
        add(inner.gsub("{n}", n.to_s)) unless inner.empty?
      end
    end
  end

  def check_whole(block)
    if block || @steps.empty?
      @line = block ? block[0] : 1
      raise Malformed, block ? "repeat without end" : "no steps"
    end
    @used.each do |line, name|
      @line = line
      stem = name.sub(/[0-9*]+\z/, "")
      known = [name, stem] + (name.end_with?("*") ? ["#{stem}1"] : [])
      raise Malformed, "nothing makes #{name}" unless known.any? { |each| @made[each] }
    end
  end

  def read_head(key = "", value = "")
    return unless HEAD.key?(key) && @steps.empty?
    raise Malformed, "#{key} cannot be #{value}" unless value.match?(/\A(?:#{HEAD[key]})\z/)

    @head[key] = value
  end

  def add(text)
    @group = nil  # in a when: whom "@" stands for
    verb, arguments = parse(text, STEPS)
    @steps << [@line, verb, arguments]
    @whens[arguments.first(2)] = true if verb == "when"
  end

  def parse(text, grammar, making = true)
    verb, _, rest = text.partition(" ")
    raise Malformed, "no step #{verb} here" unless grammar.key?(verb)

    pattern, words = COMPILED[grammar[verb]]
    match = pattern.match(rest)
    raise Malformed, "#{verb} takes #{grammar[verb]}, not #{rest}" unless match

    making &&= verb != "fails"
    [verb, words.zip(match.captures).map { |word, part| part && argument(word, part, making) }]
  end

  def argument(word, part, making)
    case word
    when "NEW" then make(part) if making
    when "E", "GROUP" then use(part, word)
    when "ACTION" then return parse(part, @group ? REACTIONS : PLAIN, making)
    when "LINE" then return parse(part, LINES)
    when "ENDPOINT", "TO" then @used << [@line, part[1..]] if part.start_with?("@")
    when "COUNT" then return part.to_i
    when "TIME" then return part.to_f
    end
    return part unless part.start_with?('"')

    %w[VALUE OCTETS].include?(word) ? octets(part) : octets(part).force_encoding("UTF-8")
  end

  def make(name)
    raise Malformed, "#{name} is made twice" if @made_once[name] || name == "reactor"

    @made[name] = true
    @made_once[name] = true unless @group
  end

  def use(name, word)
    raise Malformed, "@ outside a reaction" if name == "@" && !@group
    return if name == "@"

    @used << [@line, name]
    @group = name if word == "GROUP"
  end
end

# The scenario, and nothing or where and why it is malformed.
def read(path)
  scenario = Scenario.new(path)
  scenario.read
  [scenario, nil]
rescue Malformed => error
  [scenario, [scenario.line, error.message]]
end
