# frozen_string_literal: true

# A scenario, played over one transport with one poller: the shortest complete example of the Ruby binding.
#
# The handler class, then the verbs, then the trace matcher.
require "json"
require "tidemill"
require "weakref"
require_relative "scenario"

Failed = Class.new(StandardError)  # the library did not do what the scenario says

# -- The handler class -------------------------------------------------------------------------------------------------

# Tells the play of every callback.
module Recording
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

  def on_shutdown
    @play.seen(@name, "on_shutdown", me: self)
  end

  def on_tls(info)
    @play.seen(@name, "on_tls", info.peer_subject, me: self) if @play.scenario.reacts?(@name, "on_tls")
  end

  def on_end
    @play.seen(@name, "on_end", me: self, default: -> { super() })
  end

  def on_proxy_end(reason)
    @play.seen(@name, "on_proxy_end", word_for(reason), me: self)
  end

  def on_close(reason)
    @play.seen(@name, "on_close", word_for(reason), me: self)
  end

  private

  def word_for(reason)
    reason.nil? ? "ok" : reason.code == "os" ? "os #{reason.errno_name}" : reason.code
  end
end

# What protocols tell; each has some of these.
module Framing
  %w[on_line on_text on_message on_block on_content].each do |event|
    define_method(event) { |octets| @play.seen(@name, event, octets, me: self) }
  end

  def on_header(lines)
    @play.seen(@name, "on_header", lines.join("\n"), me: self)
  end

  def on_object(value)
    @play.seen(@name, "on_object", JSON.generate(value), me: self)
  end
end

# What a server of HTTP is told; the request is the one that actions mean.
module Site
  attr_reader :request, :response

  def adds_date = false

  def on_request(request)
    @request = request
    @play.seen(@name, "on_request", "#{request.method} #{request.target}".b, me: self)
  end

  def on_body(_request, data)
    @play.seen(@name, "on_body", data, me: self)
  end

  def on_body_end(_request)
    @play.seen(@name, "on_body_end", me: self)
  end

  def on_response_drain(_request)
    @play.seen(@name, "on_response_drain", me: self)
  end

  def on_response(request, status, octets, _seconds)
    @response = [request, status, octets]
    @play.seen(@name, "on_response", "#{"cut " if request.cut?}#{status} #{octets}".b, me: self)
  end

  def on_refusal(status, error)
    @play.seen(@name, "on_refusal", "#{status} #{error.code}", me: self)
  end
end

# What a WebSocket is told; the handshake is the one that actions mean.
module Web
  attr_reader :handshake

  %w[on_binary on_ping on_pong].each do |event|
    define_method(event) { |octets| @play.seen(@name, event, octets, me: self) }
  end

  def on_part(data, is_text, is_first, is_last)
    flags = "#{is_text ? "text" : "binary"}#{",first" if is_first}#{",last" if is_last}"
    raise "text is UTF-8, octets are not" unless data.encoding == (is_text ? Encoding::UTF_8 : Encoding::BINARY)
    @play.seen(@name, "on_part", "#{flags} ".b + data.b, me: self)
  end

  def on_text(text)
    @play.seen(@name, "on_text", text.b, me: self)
  end

  def on_handshake(handshake)
    @handshake = handshake
    @play.seen(@name, "on_handshake", "#{handshake.target} #{handshake.origin} #{handshake.subprotocols.join(",")}".b, me: self)
  end
end

module Forgiving
  def on_error(error)
    @play.seen(@name, "on_error", error.message, me: self)
  end
end

# By the name that a scenario has for it.
PROTOCOLS = {
  "lines" => Tidemill::LineConnection, "line_batches" => Tidemill::LineConnection, "messages" => Tidemill::MessageConnection,
  "netstrings" => Tidemill::NetstringConnection, "blocks" => Tidemill::BlockConnection, "header_content" => Tidemill::HeaderContentConnection,
  "objects" => Tidemill::ObjectConnection, "http" => Tidemill::HttpConnection, "websocket" => Tidemill::WebSocketConnection
}.to_h do |name, base|
  recorder = Class.new(base) do
    include(name == "http" ? Site : name == "websocket" ? Web : Framing)
    include Recording
    def on_lines(lines) = lines.each { |line| on_line(line) } if name == "line_batches"
    if name == "websocket"
      define_method(:on_shutdown) do
        super()
        Tidemill::WebSocketConnection.instance_method(:on_shutdown).bind_call(self)
      end
    end
    define_method(:on_message, Tidemill::ObjectConnection.instance_method(:on_message)) if name == "objects"
  end
  [name, recorder]
end.freeze
RECORDER = Class.new(Tidemill::Connection) { include Recording }
ECHOES = {"on_line" => :write_line, "on_message" => :write_message, "on_block" => :write_block}.freeze

# The same for datagrams.
class Socket < Tidemill::Datagram
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

  def on_data(data, peer)
    @play.seen(@name, "on_datagram", [data, peer], me: self)
  end

  def on_drain
    @play.seen(@name, "on_drain", me: self)
  end

  def on_lost(error)
    @play.seen(@name, "on_lost", [error.code == "os" ? "os #{error.errno_name}" : error.code, error.endpoint], me: self)
  end

  def on_close(reason)
    what = reason.nil? ? "ok" : reason.code == "os" ? "os #{reason.errno_name}" : reason.code
    @play.seen(@name, "on_close", what, me: self)
  end
end

class ForgivingSocket < Socket
  def on_error(error)
    @play.seen(@name, "on_error", error.message, me: self)
  end
end

# The same for an answer in pieces.
class Exchange < Tidemill::HttpExchange
  def initialize(play, name)
    @play = play
    @name = name
  end

  def on_interim(response)
    @play.seen(@name, "on_interim", response.status.to_s)
  end

  def on_response(response)
    @play.seen(@name, "on_response", response.status.to_s)
  end

  def on_body(data)
    @play.seen(@name, "on_body", data)
  end

  def on_end(_response)
    @play.seen(@name, "on_end")
  end

  def on_failure(error)
    @play.seen(@name, "on_failure", error.code)
  end
end

# The same for processes.
class Child < Tidemill::Process
  attr_reader :name
  attr_accessor :writable, :is_over

  def initialize(play, name)
    super()
    @play = play
    @name = name
  end

  def on_stdout(data)
    @play.seen(@name, "on_data", data, me: self)
  end

  def on_drain
    @play.seen(@name, "on_drain", me: self)
  end

  def on_exit(code, signal)
    @play.seen(@name, "on_exit", signal || (code || "unknown").to_s, me: self)
  end
end

class ForgivingChild < Child
  def on_error(error)
    @play.seen(@name, "on_error", error.message, me: self)
  end
end

# -- Play: a scenario, played over one transport with one poller -------------------------------------------------------

class Play
  @number = 0  # for fresh endpoints, and for the order of everything
  CONTEXTS = {}  # by folder and name, for the whole process: sessions live in them

  def self.number
    @number += 1
  end

  attr_reader :line, :scenario

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
    @lines = +""  # that access logs should have
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
    is_late = me.respond_to?(:is_over) && me.is_over && event != "on_error"
    @problem ||= [@line, "#{name} #{event} came inside another call, or after on_close"] if !@is_in_loop || is_late
    @trace[name] << [Play.number, event, detail] unless ignored?(name, event)
    @me, @event, @data, @is_in_loop = me || @entities[name], event, detail, false
    default.call if default && !@scenario.reacts?(name, event)
    (@reactions[[name, event]] + @reactions[[group_of(name), event]]).sort_by(&:first).each do |_, line, verb, arguments|
      raise(*arguments) if verb == "raise"

      react(name, event, line, verb, arguments)
    end
  ensure
    @me = nil
    @is_in_loop = true
    me.is_over = true if %w[on_close on_exit].include?(event)
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

  # protocol: its name and what its methods answer: lines,max_line=4
  def recorder(name, protocol = nil)
    protocol, *options = protocol&.split(",")
    made = (protocol ? PROTOCOLS.fetch(protocol) : RECORDER).new(self, name)
    made.extend(Forgiving) if @scenario.reacts?(name, "on_error")
    options.each do |option|
      method, value = option.split("=")
      value = value.to_i if value.match?(/\A\d+\z/)
      value = value.split("|") if method == "subprotocols"
      value = value != 0 if %w[compresses streams].include?(method)
      made.define_singleton_method(method) { value }
    end
    made
  end

  def schedule(verb, name, *seconds)
    function = -> { seen(name, "fired") }
    keep(name, @reactor.public_send(verb, *seconds, function) || function, function)
  end

  def same(what, expected, seen)
    raise Failed, "#{what}: expected #{expected}, seen #{seen}" unless expected.to_s == seen.to_s
  end

  # The verbs that are more than a method of that name

  # The TLS context that the name stands for.
  def context(name)
    CONTEXTS[[@folder, name]] ||= begin
      place = "#{@folder}/certificates/"
      first = name == "sites" ? "server" : name
      own = name == "none" ? {} : {certificate: "#{place}#{first}.pem", private_key: "#{place}#{first}.key"}
      context = Tidemill::TlsContext.new(authorities: "#{place}ca.pem", **own)
      context.add_certificate("#{place}other.pem", "#{place}other.key") if name == "sites"
      context
    end
  end

  def do_listen(name, backlog, reuse_port, max_connections, tls, protocol, at)
    factory = lambda do
      made = recorder("#{name}#{@accepted[name] += 1}", protocol)
      keep(made.name, made, made)
      made
    end
    number = Play.number
    fresh = {"tcp" => "tcp://127.0.0.1:0", "tls" => "tls://127.0.0.1:0", "unix" => "unix://DIR/#{number}.sock", "memory" => "memory://#{number}"}
    options = {backlog: backlog, max_connections: max_connections, reuse_port: reuse_port && reuse_port == "true"}.compact
    where = endpoint(at || fresh[@transport])
    options[:tls] = context(tls || "server") if tls || where.start_with?("tls:")
    listener = @reactor.listen(where, factory, **options)
    keep(name, listener, factory)
    @endpoints[name] = listener.endpoint
  end

  def do_connect(name, listener, at, connect_timeout, host, tls, server_name, protocol)
    where = endpoint(listener ? "@#{listener}" : at)
    where = "#{where.partition(":").first}://#{host}:#{where.rpartition(":").last}" if host
    options = {connect_timeout: connect_timeout, server_name: server_name}.compact
    options[:tls] = context(tls || "none") if tls || where.start_with?("tls:")
    made = recorder(name, protocol)
    @reactor.connect(where, made, **options)
    keep(name, made, made)
  end

  def do_start_tls(name, tls, server_name)
    entity(name).start_tls(context(tls), server_name: server_name || "")
  end

  def do_open_datagram(name, at, to)
    fresh = {"tcp" => "udp://127.0.0.1:0", "unix" => "unix-datagram://DIR/#{Play.number}.sock"}
    made = (@scenario.reacts?(name, "on_error") ? ForgivingSocket : Socket).new(self, name)
    @reactor.open_datagram(endpoint(at || fresh[@transport]), made, **{connect_to: to && endpoint(to)}.compact)
    keep(name, made, made)
    @endpoints[name] = made.local
  end

  def do_write(name, value, to = nil)
    entity(name).writable = entity(name).write(value, *[to && endpoint(to)].compact)
  end

  def do_spawn(name, text, kill_on_stop)
    child = (@scenario.reacts?(name, "on_error") ? ForgivingChild : Child).new(self, name)
    @reactor.spawn(endpoint(text), child, shell: true, kill_on_stop: kill_on_stop || "")
    keep(name, child, child)
  end

  def do_on_signal(name, signal)
    function = ->(_) { seen(name, "fired") }
    keep(name, @reactor.on_signal(signal, function), function)
  end

  def do_watch_process(name, process)
    function = ->(_) { seen(name, "fired") }
    keep(name, @reactor.watch_process(entity(process).pid, function), function)
  end

  def do_watch_file(name, path)
    function = ->(event, _) { seen(name, "on_file", event) }
    keep(name, @reactor.watch_file(endpoint(path), function), function)
  end

  def do_make_file(path, value)
    File.binwrite(endpoint(path), value)
  end

  def do_send_file(name, path, offset, length)
    entity(name).send_file(endpoint(path), **{offset: offset, length: length}.compact)
  end

  def do_proxy_to(name, target, length)
    entity(name).proxy_to(entity(target), **{length: length}.compact)
  end

  def do_become(name, new, leftover, protocol)
    made = recorder(new, protocol)
    entity(name).become(made, **{leftover: leftover}.compact)
    entity(name).is_over = true
    keep(new, made, made)
  end

  def do_write_content(name, header, content)
    entity(name).write_message(header.split("\n", -1), content)
  end

  def do_send_text(name, text)
    entity = entity(name)
    entity.writable = entity.send_text(text.dup.force_encoding("UTF-8"))
  end

  def do_send_binary(name, data)
    entity = entity(name)
    entity.writable = entity.send_binary(data)
  end

  def do_ping(name, payload)
    entity(name).ping(payload)
  end

  def do_close_websocket(name, code, reason)
    entity(name).close(code, reason)
  end

  def do_refuse_handshake(name, status)
    entity(name).handshake.refuse(status)
  end

  def do_choose_subprotocol(name, subprotocol)
    entity(name).handshake.choose(subprotocol)
  end

  def do_add_header(name, text)
    fields_of(text).each { |header| entity(name).handshake.add_header(*header) }
  end

  def do_upgrade(name, new, protocol, text)
    made = recorder(new, protocol)
    entity(name).request.upgrade(made, headers: fields_of(text || ""))
    keep(new, made, made)
  end

  def do_respond(name, status, body)
    entity(name).request.respond(status, nil, body)
  end

  # A field a line: name: value
  def fields_of(text)
    text.split("\n").map { |line| line.split(": ", 2) }
  end

  def do_start_response(name, status, fields)
    entity(name).request.start(status, fields_of(fields))
  end

  def do_write_body(name, data)
    entity(name).request.write(data)
  end

  def do_finish_response(name)
    entity(name).request.finish
  end

  def do_collect(name, limit)
    me = entity(name)
    me.request.collect(limit: limit) { |_, body| seen(me.name, "on_collected", body, me: me) }
  end

  def do_finish_with_trailers(name, fields)
    entity(name).request.finish(fields_of(fields))
  end

  def do_check_request(name, property, text)
    seen = entity(name).request.public_send(property)
    same("#{name} #{property}", text, seen.is_a?(String) ? seen : seen.map { |pair| pair.join(": ") }.join("\n"))
  end

  def do_respond_continue(name)
    entity(name).request.respond_continue
  end

  def do_upgrade_to(name, new, fields)
    made = recorder(new)
    entity(name).request.upgrade(made, headers: fields_of(fields))
    keep(new, made, made)
  end

  def do_start_events(name)
    entity(name).request.start_events
  end

  def do_send_event(name, data, event, id)
    entity(name).request.send_event(data, event: event || "", id: id || "")
  end

  def do_ping_events(name)
    entity(name).request.ping
  end

  def do_static_files(name, folder)
    @entities[name] = Tidemill::StaticFiles.new(endpoint(folder))
  end

  def do_serve_file(name, connection)
    entity(name).serve(entity(connection).request)
  end

  def do_http_hosts(name)
    @entities[name] = Tidemill::HttpHosts.new({})
  end

  def do_add_site(name, host, body)
    entity(name).add(host) { |request| request.respond(200, nil, body) }
  end

  def do_serve_site(name, connection)
    entity(name).serve(entity(connection).request)
  end

  def do_access_log(name, path)
    @entities[name] = Tidemill::AccessLog.new(endpoint(path))
  end

  def do_log_response(name, connection)
    request, status, octets = entity(connection).response
    @lines << request.log_line(status, octets) << "\n"
    entity(name).add(request, status, octets)
  end

  # Times are left out once they look like times.
  def do_logged(path, text)
    path = endpoint(path)
    deadline = clock + @limit
    loop_by { @reactor.run_once(0.01) } while (File.exist?(path) ? File.size(path) : 0) < @lines.size && clock < deadline
    [@lines, File.exist?(path) ? File.binread(path) : ""].each do |lines|
      same(path, text.b, lines.gsub(%r{ - - \[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} \+0000\]}, "").b)
    end
    @lines = +""
  end

  def do_pause_request(name)
    entity(name).request.pause
  end

  def do_compress(name)
    entity(name).request.compress
  end

  def do_resume_request(name)
    entity(name).request.resume
  end

  def do_write_object(name, text)
    entity(name).write_object(JSON.parse(text))
  end

  def do_echo
    return @event == "on_text" ? do_send_text("@", @data) : do_send_binary("@", @data) if @me.is_a?(Web)

    return @me.public_send(ECHOES[@event], @data) if ECHOES[@event]

    do_write("@", *@data)
  end

  def do_nothing; end

  def do_cancel(name, answer)
    answered = entity(name).cancel
    same("cancel #{name}", answer || answered, answered)
  end

  def follow(name, deferred)
    function = lambda do |value|
      value = [value.status, value.body] if value.is_a?(Tidemill::HttpResponse)
      seen(name, "on_success", Array(value).join(" "))
    end
    deferred.on_success(function).on_failure { |error| seen(name, "on_failure", error.respond_to?(:code) ? error.code : "work") }
    keep(name, deferred, function)
  end

  def do_deferred(name)
    follow(name, Tidemill::Deferred.new(reactor: @reactor, canceller: -> { seen(name, "cancelled") }))
  end

  def do_follow(name, other)
    follow(name, entity(other))
  end

  def do_fail(name, code)
    entity(name).fail(Tidemill.const_get("#{code.capitalize}Error").new(code))
  end

  def do_defer(name, work, text)
    follow(name, @reactor.defer({"echo" => ->(it) { it }, "raise" => ->(it) { raise it }}[work], arguments: [text]))
  end

  # All that it asks goes to the listener. options: name=whole number, with commas between them.
  def do_http_client(name, listener, proxy, authorization, cookies, options)
    numbers = (options || "").split(",").to_h { |option| [option.split("=")[0].to_sym, option.split("=")[1].to_i] }
    numbers[:decompress] = numbers[:decompress] == 1 if numbers.key?(:decompress)
    @entities[name] = Tidemill::HttpClient.new(reactor: @reactor, connect_to: endpoint("@#{listener}"), proxy: proxy || "",
                                               proxy_authorization: authorization || "",
                                               tls: context("none"), cookies: cookies && entity(cookies), **numbers)
  end

  def do_fetch(name, client, method, url, body, expect)
    headers = expect == "true" ? {"Expect" => "100-continue"} : nil
    follow(name, entity(client).request(method, url, headers: headers, body: body || ""))
  end

  def do_stream(name, client, method, url)
    @entities[name] = entity(client).stream(method, url, Exchange.new(self, name))
  end

  def do_cookie_jar(name)
    @entities[name] = Tidemill::CookieJar.new(reactor: @reactor)
  end

  def do_set_cookie(name, url, text)
    entity(name).set(url, text)
  end

  def do_resolve(name, host)
    follow(name, @reactor.resolve(host))
  end

  def do_channel(name)
    @entities[name] = Tidemill::Channel.new(reactor: @reactor)
  end

  def do_queue(name)
    @entities[name] = Tidemill::Queue.new(reactor: @reactor)
  end

  def receive(name, from, verb)
    function = ->(value) { seen(name, "received", value) }
    keep(name, entity(from).public_send(verb, function) || function, function)
  end

  def do_subscribe(name, channel)
    receive(name, channel, :subscribe)
  end

  def do_pop(name, queue)
    receive(name, queue, :pop)
  end

  def do_stop
    @reactor.stop
  end

  def do_drain(deadline)
    @reactor.drain(deadline)
  end

  def do_spin(seconds)
    @reactor.set_spin(seconds)
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
    seen = entity(name).public_send(property.sub(/\Ais_(.*)/, '\1?'))
    seen = seen.map { |cookie| cookie_text(cookie) }.join(", ") if property == "cookies"
    same("#{name} #{property}", endpoint(value), seen)
  end

  def cookie_text(cookie)
    marks = [("o" if cookie.host_only?), ("s" if cookie.secure?), ("h" if cookie.http_only?)].join
    "#{cookie.name}=#{cookie.value} #{cookie.domain}#{cookie.path} #{cookie.expires || 0} #{marks}"
  end

  def do_counted(name, number)
    same(name, number.to_s, @reactor.metrics[name.to_sym].to_s)
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
    left = @trace.flat_map { |each, lines| lines.map { |line| [each, *line] } }
    name, _, event, detail = left.min_by { |_, number,| number }
    raise Failed, "expected nothing, seen #{name} #{event} #{shown(detail)}" if name
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
    wanted, detail = [wanted, arguments[1] ? endpoint(arguments[1]) : detail[1]], detail if detail.is_a?(Array)
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
    return detail.inspect if detail.is_a?(Array)

    detail && detail.encoding == Encoding::BINARY ? detail[0, 60].inspect : detail.to_s
  end
end

# Nothing if all went well, otherwise where and what went wrong.
def play(scenario, transport, poller, folder)
  attempt = Play.new(scenario, transport, poller, folder)
  watch = Thread.new do
    sleep(120)
    puts "#{scenario.path}:#{attempt.line} over #{transport} with #{poller}: hangs"
    $stdout.flush
    exit!(1)
  end
  attempt.run
  nil
rescue StandardError => error
  [attempt&.line, error.is_a?(Failed) ? error.message : error.full_message(highlight: false)]
ensure
  watch&.kill&.join
  GC.start
end
