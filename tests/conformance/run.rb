#!/usr/bin/env ruby
# frozen_string_literal: true

# Runs the conformance scenarios against the Ruby binding; README.md is the format.
#
# Three files, alike in every language: scenario (the parser), play (the handler class, the verbs, the trace matcher), run (this:
# self-tests, choice of scenarios, the count).
require "optparse"
require "tmpdir"
require_relative "scenario"
require_relative "play" unless ARGV.include?("--syntax-only")  # for authors of scenarios who have not built the library

LANGUAGE = "ruby"
TRANSPORTS = %w[tcp unix memory tls].freeze
POLLERS = %w[epoll poll].freeze

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
    system("sh", "#{HERE}/../support/certificates.sh", "#{folder}/certificates", exception: true)
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
  puts counts.map { |outcome, count| "#{count} #{outcome}" }.join(", ") unless is_list
  exit(counts["failed"].zero?)
end

main if $PROGRAM_NAME == __FILE__
