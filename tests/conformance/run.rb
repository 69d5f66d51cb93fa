#!/usr/bin/env ruby
# frozen_string_literal: true

# Runs the conformance scenarios against the Ruby binding; README.md is the format.
#
# All four runners have this order: grammar, scenario (the parser), the handler class, play (verbs, then trace matcher), main.
require "optparse"
require "tmpdir"
require "weakref"
require "tidemill" unless ARGV.include?("--syntax-only")

HERE = File.realpath(__dir__)
LANGUAGE = "ruby"
TRANSPORTS = %w[tcp unix memory].freeze
POLLERS = %w[epoll poll].freeze

Malformed = Class.new(StandardError)  # the file is no scenario of format 1
Failed = Class.new(StandardError)     # the library did not do what the scenario says

# -- Grammar: the shape of what follows a verb; each CAPITAL word stands for its pattern in WORDS ----------------------

ACTIONS = {
  "listen" => "NEW( backlog=COUNT)?( at ENDPOINT)?", "connect" => "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?",
  "write" => "E VALUE", "close" => "E", "abort" => "E", "end_write" => "E", "pause" => "E", "resume" => "E",
  "set_idle_timeout" => "E TIME", "set_watermarks" => "E COUNT COUNT", "call_later" => "NEW TIME", "call_every" => "NEW TIME",
  "next_tick" => "NEW", "post" => "NEW", "cancel" => "E( YES)?", "stop" => "", "run" => "(raises TEXT)?", "turn" => "(COUNT)?",
  "check" => "E WORD ENDPOINT", "fails" => "CODE( ERRNO)? ACTION"
}.freeze
PLAIN = ACTIONS.merge("advance" => "TIME").freeze
REACTIONS = ACTIONS.merge("echo" => "", "raise" => "TEXT", "nothing" => "").freeze
STEPS = PLAIN.merge("error_handler" => "(OFF)?", "drop" => "E", "gone" => "E", "when" => "GROUP EVENT do ACTION",
                    "expect" => "(NOTHING|E LINE)", "then" => "E LINE", "ignore" => "GROUP (EVENT|\\*)").freeze
LINES = {"on_open" => "", "on_data" => "(OCTETS|total COUNT( of OCTETS)?)", "on_drain" => "", "on_end" => "", "on_close" => "REASON",
         "on_error" => "TEXT", "fired" => ""}.freeze
TEXT = '"(?:[^"\\\\]|\\\\.)*"'
NAME = "[a-z][a-z_]*[0-9]*"
WORDS = {
  "NEW" => NAME, "E" => "@|#{NAME}", "GROUP" => "#{NAME}|[a-z][a-z_]*\\*", "EVENT" => LINES.keys.join("|"), "TEXT" => TEXT,
  "WORD" => '[^\s"]+', "VALUE" => "#{TEXT}(?: x [0-9]+)?", "OCTETS" => "(?!\"\")#{TEXT}(?: x [0-9]+)?", "ENDPOINT" => "#{TEXT}|[^\\s\"]+",
  "COUNT" => "-?[0-9]+", "TIME" => '-?[0-9]+(?:\.[0-9]+)?', "NOTHING" => "nothing(?: yet)?", "YES" => "true|false", "OFF" => "off",
  "CODE" => "[a-z_]+", "ERRNO" => "E[A-Z0-9]+", "REASON" => 'ok|\*|os E[A-Z0-9]+|[a-z_]+', "LINE" => ".+", "ACTION" => ".+"
}.freeze
HEAD = {"format" => "1", "spec" => ".+", "over" => "(tcp|unix|memory)( (tcp|unix|memory))*", "clock" => "manual|system", "needs" => "ipv6",
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
    when "ENDPOINT" then @used << [@line, part[1..]] if part.start_with?("@")
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

# -- The handler class -------------------------------------------------------------------------------------------------

if defined?(Tidemill)
  # Tells the play of every callback.
  class Recorder < Tidemill::Connection
    attr_reader :name
    attr_accessor :writable, :is_over

    def initialize(play, name)
      super()
      @play = play
      @name = name
    end

    def on_open
      @play.seen(@name, "on_open", me: self)
    end

    def on_data(data)
      @play.seen(@name, "on_data", data, me: self)
    end

    def on_drain
      @play.seen(@name, "on_drain", me: self)
    end

    def on_end
      @play.seen(@name, "on_end", me: self, default: -> { super() })
    end

    def on_close(reason)
      what = reason.nil? ? "ok" : reason.code == "os" ? "os #{reason.errno_name}" : reason.code
      @play.seen(@name, "on_close", what, me: self)
    end
  end

  class ForgivingRecorder < Recorder
    def on_error(error)
      @play.seen(@name, "on_error", error.message, me: self)
    end
  end
end

# -- Play: a scenario, played over one transport with one poller -------------------------------------------------------

class Play
  @number = 0  # for fresh endpoints, and for the order of everything

  def self.number
    @number += 1
  end

  attr_reader :line

  def initialize(scenario, transport, poller, folder)
    @scenario = scenario
    @transport = transport
    @folder = folder
    @line = 0
    @limit = scenario.head.fetch("limit", 5).to_f
    @reactor = Tidemill::Reactor.new(poller: poller, clock: scenario.head["clock"] == "system" ? "" : "manual")
    @entities, @given, @endpoints = {}, {}, {}  # by name: object, weak reference to what the user gave, text
    @accepted = Hash.new(0)
    @reactions = Hash.new { |all, key| all[key] = [] }  # by [name, event]: number, line, verb, arguments
    @ignored = {}
    @trace = Hash.new { |all, name| all[name] = [] }    # by name: number, event, detail
    @matched = 0
    @me = @data = @problem = nil  # who is called back, with what; what went wrong in a callback
    @is_in_loop = false
  end

  # Each step in a fiber of its own: its stack is gone with it, and with the stack what the garbage collector might take for references.
  def run
    @scenario.steps.each do |line, verb, arguments|
      @line = line
      Fiber.new { perform(verb, arguments) && nil }.resume
    end
    @line = "end"
    do_expect("nothing", nil, nil)
  end

  # A callback came: traces it, then does what the scenario wants done in it.
  def seen(name, event, detail = nil, me: nil, default: nil)
    is_late = me.is_a?(Recorder) && me.is_over && event != "on_error"
    @problem ||= [@line, "#{name} #{event} came inside another call, or after on_close"] if !@is_in_loop || is_late
    @trace[name] << [Play.number, event, detail] unless ignored?(name, event)
    @me, @data, @is_in_loop = me || @entities[name], detail, false
    default.call if default && !@scenario.reacts?(name, event)
    (@reactions[[name, event]] + @reactions[[group_of(name), event]]).sort_by(&:first).each do |_, line, verb, arguments|
      raise(*arguments) if verb == "raise"

      react(name, event, line, verb, arguments)
    end
  ensure
    @me = nil
    @is_in_loop = true
    me.is_over = true if event == "on_close"
  end

  private

  def react(name, event, line, verb, arguments)
    perform(verb, arguments)
  rescue StandardError => error
    @problem ||= [line, "in #{name} #{event}: #{error.inspect}"]
  end

  def perform(verb, arguments)
    if respond_to?("do_#{verb}", true)
      __send__("do_#{verb}", *arguments)
    elsif %w[call_later call_every next_tick post].include?(verb)
      schedule(verb, *arguments)
    else
      entity(arguments[0]).public_send(verb, *arguments[1..])
    end
  end

  # The one way into what may call back.
  def loop_by
    before, @is_in_loop = @is_in_loop, true
    yield
  ensure
    @is_in_loop = before
    if @problem
      @line, text = @problem
      raise Failed, text
    end
  end

  def ignored?(name, event)
    [name, group_of(name)].product([event, "*"]).any? { |key| @ignored[key] }
  end

  def clock
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def settle
    deadline = clock + @limit
    while loop_by { @reactor.run_once(0) }
      raise Failed, "every turn finds something to do" if clock > deadline
    end
  end

  def entity(name)
    {"reactor" => @reactor, "@" => @me}.fetch(name) { @entities[name] } || raise(Failed, "#{name} is not there")
  end

  def endpoint(text)
    text.start_with?("@") ? @endpoints[text[1..]] : text.gsub("DIR", @folder)
  end

  def keep(name, entity, given)
    @entities[name] = entity
    @given[name] = WeakRef.new(given)
  end

  def recorder(name)
    (@scenario.reacts?(name, "on_error") ? ForgivingRecorder : Recorder).new(self, name)
  end

  def schedule(verb, name, *seconds)
    function = -> { seen(name, "fired") }
    keep(name, @reactor.public_send(verb, *seconds, function) || function, function)
  end

  def same(what, expected, seen)
    raise Failed, "#{what}: expected #{expected}, seen #{seen}" unless expected.to_s == seen.to_s
  end

  # The verbs that are more than a method of that name

  def do_listen(name, backlog, at)
    factory = lambda do
      made = recorder("#{name}#{@accepted[name] += 1}")
      keep(made.name, made, made)
      made
    end
    number = Play.number
    fresh = {"tcp" => "tcp://127.0.0.1:0", "unix" => "unix://DIR/#{number}.sock", "memory" => "memory://#{number}"}
    listener = @reactor.listen(endpoint(at || fresh[@transport]), factory, **{backlog: backlog}.compact)
    keep(name, listener, factory)
    @endpoints[name] = listener.endpoint
  end

  def do_connect(name, listener, at, connect_timeout, host)
    where = endpoint(listener ? "@#{listener}" : at)
    where = "tcp://#{host}:#{where.rpartition(":").last}" if host
    made = recorder(name)
    @reactor.connect(where, made, **{connect_timeout: connect_timeout}.compact)
    keep(name, made, made)
  end

  def do_write(name, value)
    entity(name).writable = entity(name).write(value)
  end

  def do_echo
    do_write("@", @data)
  end

  def do_nothing; end

  def do_cancel(name, answer)
    answered = entity(name).cancel
    same("cancel #{name}", answer || answered, answered)
  end

  def do_stop
    @reactor.stop
  end

  def do_run(raises)
    watch = Thread.new do
      sleep(@limit)
      @reactor.post do
        @problem = [@line, "run did not return"]
        @reactor.stop
      end
    end
    loop_by { @reactor.run }
    same("run", raises || "that it returns", "that it returns")
  rescue Failed
    raise
  rescue StandardError => error
    raise unless raises && error.message.include?(raises)
  ensure
    watch.kill.join
  end

  def do_turn(times)
    (times || 1).times { loop_by { @reactor.run_once(0) } }
  end

  def do_advance(seconds)
    @reactor.advance(seconds)
    settle
  end

  def do_error_handler(off)
    return @reactor.set_error_handler if off

    @reactor.set_error_handler { |error, connection| seen("reactor", "on_error", error.message, me: connection) }
  end

  def do_drop(name)
    @entities.delete(name)
    GC.start
  end

  def do_gone(name)
    settle
    GC.start
    same(name, "gone", @given[name].weakref_alive? ? "alive" : "gone")
  end

  def do_check(name, property, value)
    same("#{name} #{property}", endpoint(value), entity(name).public_send(property.sub(/\Ais_(.*)/, '\1?')))
  end

  def do_fails(code, errno, action)
    perform(*action)
  rescue Tidemill::Error => error
    same(action[0], "#{code} #{errno || error.errno_name}", "#{error.code} #{error.errno_name}")
  else
    raise Failed, "#{action[0]}: expected #{code}, seen that it succeeded"
  end

  def do_when(name, event, action)
    @reactions[[name, event]] << [Play.number, @line, *action]
  end

  def do_ignore(name, event)
    @ignored[[name, event || "*"]] = true
    @trace.each { |other, lines| lines.reject! { |line| ignored?(other, line[1]) } }
  end

  # The trace matcher

  def do_expect(nothing, name, line)
    return match(name, *line) unless nothing

    settle if nothing == "nothing"
    name, lines = @trace.find { |_, each| each.any? }
    raise Failed, "expected nothing, seen #{name} #{lines[0][1]} #{shown(lines[0][2])}" if lines
  end

  def do_then(name, line)
    before = @matched
    raise Failed, "#{name} #{line[0]}: expected later than the line before, seen earlier" if match(name, *line) < before
  end

  # Takes a line from the trace; answers the number of its first part, keeps that of its last in @matched.
  def match(name, event, arguments)
    return match_octets(name, *arguments) if event == "on_data"

    @matched, detail = next_line(name, event, *arguments)
    wanted = arguments[0]
    is_same = wanted == "*" || wanted == detail || (event == "on_error" && detail.include?(wanted))
    raise Failed, "expected #{name} #{event} #{wanted}, seen #{detail}" unless is_same

    @matched
  end

  def match_octets(name, value, total, unit)
    value = (unit * (total / unit.size + 1))[0, total] if unit
    first, taken, count = nil, 0, total || value.size
    while taken < count
      @matched, data = next_line(name, "on_data", value)
      first ||= @matched
      piece = data[0, count - taken]
      if value && piece != value[taken, piece.size]
        raise Failed, "expected #{name} on_data #{shown(value)}, seen at #{taken} #{shown(piece)}"
      end
      taken += piece.size
      @trace[name].unshift([@matched, "on_data", data[piece.size..]]) if piece.size < data.size
    end
    raise Failed, "expected #{name} on_data total #{total}, seen more" if total && @trace[name].dig(0, 1) == "on_data"

    first
  end

  def next_line(name, event, detail = nil, *)
    deadline = clock + @limit
    while @trace[name].empty?
      raise Failed, "expected #{name} #{event} #{shown(detail)}, seen nothing" if clock > deadline

      loop_by { @reactor.run_once(0.01) }
    end
    number, found, what = @trace[name].shift
    raise Failed, "expected #{name} #{event} #{shown(detail)}, seen #{found} #{shown(what)}" if found != event

    [number, what]
  end

  def shown(detail)
    detail && detail.encoding == Encoding::BINARY ? detail[0, 60].inspect : detail.to_s
  end
end

# -- Main --------------------------------------------------------------------------------------------------------------

# The scenario, and nothing or where and why it is malformed.
def read(path)
  scenario = Scenario.new(path)
  scenario.read
  [scenario, nil]
rescue Malformed => error
  [scenario, [scenario.line, error.message]]
end

# Nothing if all went well, otherwise where and what went wrong.
def play(scenario, transport, poller, folder)
  attempt = Play.new(scenario, transport, poller, folder)
  attempt.run
  nil
rescue StandardError => error
  [attempt&.line, error.is_a?(Failed) ? error.message : error.full_message(highlight: false)]
ensure
  GC.start
end

# A text for every self-test that went otherwise than it should.
def self_test(poller, folder)
  Dir["#{HERE}/selftest/*/*.tide"].sort.filter_map do |path|
    scenario, trouble = read(path)
    is_refused = !trouble.nil?
    trouble = play(scenario, "memory", poller, folder) if !is_refused && defined?(Tidemill)
    kind = File.basename(File.dirname(path))
    wanted = kind == "pass" || (kind == "fail" && !defined?(Tidemill)) ? nil : scenario.head.fetch("fails", "?")
    next if is_refused == (kind == "invalid") && trouble&.first&.to_s == wanted

    "#{path}: wanted trouble at #{wanted}, seen #{trouble}"
  end
end

# The files meant by what stands on the command line.
def find(paths)
  paths.flat_map do |path|
    found = [path, "#{HERE}/scenarios/#{path}"].find { |each| File.exist?(each) } || abort("no scenario #{path}")
    found = File.realpath(found)
    File.directory?(found) ? Dir["#{found}/**/*.tide"].sort : [found]
  end
end

def skipped?(scenario)
  return true unless scenario.head.fetch("langs", LANGUAGE).split.include?(LANGUAGE)

  Tidemill::Reactor.new.listen("tcp://[::1]:0", Tidemill::Connection).close if scenario.head["needs"] == "ipv6"
  false
rescue Tidemill::Error
  true
end

def main
  pollers, transports, is_list, is_syntax_only = [], [], false, false
  OptionParser.new do |options|
    options.on("--poller POLLER", POLLERS) { |poller| pollers << poller }
    options.on("--over TRANSPORT", TRANSPORTS) { |transport| transports << transport }
    options.on("--list") { is_list = true }
    options.on("--syntax-only") { is_syntax_only = true }
  end.parse!
  pollers = POLLERS if pollers.empty?
  transports = TRANSPORTS if transports.empty?
  Process.setrlimit(:NOFILE, Process.getrlimit(:NOFILE).last)
  known = File.readlines("#{HERE}/known/#{LANGUAGE}.txt").map { |line| line.partition("#").first.strip }
  counts = {"passed" => 0, "failed" => 0, "skipped" => 0}
  report = lambda do |outcome, *lines|
    counts[outcome] += 1
    puts(lines) unless lines.empty?
    $stdout.flush
  end

  Dir.mktmpdir("tide-") do |folder|
    wrong = self_test(pollers.first, folder)
    abort(wrong.join("\n")) unless wrong.empty?
    find(ARGV.empty? ? ["#{HERE}/scenarios"] : ARGV).each do |path|
      scenario, trouble = read(path)
      next report.("failed", "#{path}:#{trouble[0]} malformed: #{trouble[1]}") if trouble
      next report.("passed", *(is_list ? [scenario.name] : [])) if is_list || is_syntax_only
      next report.("skipped") if skipped?(scenario)

      over = transports & scenario.head.fetch("over", transports.join(" ")).split
      over.product(pollers).each do |transport, poller|
        trouble = play(scenario, transport, poller, folder)
        run = "#{scenario.name} #{transport} #{poller}"
        if known.include?(run)
          trouble ? report.("skipped") : report.("failed", "#{run} passes: take it off known/#{LANGUAGE}.txt")
        elsif trouble
          report.("failed", "#{path}:#{trouble[0]} over #{transport} with #{poller}: #{trouble[1]}")
        else
          report.("passed")
        end
      end
    end
  end
  puts counts.map { |outcome, count| "#{count} #{outcome}" }.join(", ")
  exit(counts["failed"].zero?)
end

main if $PROGRAM_NAME == __FILE__
