# frozen_string_literal: true

# Framed connections: what only Ruby has: methods as attributes, encodings, the collector under stress.
require_relative "support"

class Framing < Minitest::Test
  # A plain client, and the server's object.
  def joined(reactor, server)
    made = []
    listener = reactor.listen(Support.memory_endpoint, -> { server.new.tap { |one| made << one } })
    client = reactor.connect(listener.endpoint, Recorder)
    turns(reactor)
    [client, made.first]
  end

  def test_on_lines_is_asked_for_by_overriding_it
    reactor = Tidemill::Reactor.new
    server = Class.new(Tidemill::LineConnection) do
      attr_reader :got

      def on_lines(lines) = @got = lines
    end
    client, object = joined(reactor, server)
    client.write("a\r\nb\n\nc")
    turns(reactor)
    assert_equal(["a", "b", ""], object.got)
    assert_equal(Encoding::BINARY, object.got.first.encoding)
  end

  def test_lists_survive_a_collector_under_stress
    reactor = Tidemill::Reactor.new
    server = Class.new(Tidemill::LineConnection) do
      attr_reader :got

      def on_lines(lines) = (@got ||= []).concat(lines)
    end
    client, object = joined(reactor, server)
    client.write((1..50).map { |number| "line #{number}\n" }.join)
    GC.stress = true
    turns(reactor)
    GC.stress = false
    assert_equal((1..50).map { |number| "line #{number}" }, object.got)
  ensure
    GC.stress = false
  end

  def test_what_no_framing_can_carry_is_refused
    reactor = Tidemill::Reactor.new
    _, server = joined(reactor, Tidemill::LineConnection)
    assert_raises(Tidemill::LocalProtocolError) { server.write_line("a\nb") }
    assert_raises(TypeError) { server.write_line(1) }
    assert_raises(Tidemill::StateError) { Tidemill::LineConnection.new.write_line("a") }
    _, header = joined(reactor, Tidemill::HeaderContentConnection)
    [["a\nb"], ["a", ""], ["\n"], [""]].each { |lines| assert_raises(Tidemill::LocalProtocolError) { header.write_message(lines) } }
    _, objects = joined(reactor, Tidemill::ObjectConnection)
    endless = []
    endless << endless
    [Float::NAN, "\xff", endless].each { |value| assert_raises(Tidemill::LocalProtocolError) { objects.write_object(value) } }
  end

  def test_a_method_that_answers_nonsense_is_refused
    reactor = Tidemill::Reactor.new
    listener = reactor.listen(Support.memory_endpoint, Recorder)
    wrong = Class.new(Tidemill::LineConnection) { def max_line = -1 }
    assert_raises(Tidemill::ArgumentError) { reactor.connect(listener.endpoint, wrong) }
  end

  def test_a_peers_message_that_is_no_json_is_its_own_fault
    ["NaN", "[1,", "\xff".b, "", "[" * 1000].each do |message|
      reactor = Tidemill::Reactor.new
      seen = []
      server = Class.new(Tidemill::ObjectConnection) { define_method(:on_close) { |reason| seen << reason } }
      client, = joined(reactor, server)
      client.write([message.bytesize].pack("N") + message.b)
      turns(reactor)
      assert_instance_of(Tidemill::RemoteProtocolError, seen.first, message[0, 10])
    end
  end
end
