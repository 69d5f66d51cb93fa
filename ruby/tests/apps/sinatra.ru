# frozen_string_literal: true

require "digest"
require "json"
require "sinatra/base"

class Site < Sinatra::Base
  set :environment, :production
  set :protection, false
  set :logging, false

  get("/hello/:name") { "hello #{params[:name]} #{request.ip}" }
  get("/query") { JSON.generate(params) }
  post("/form") { "#{params["one"]} and #{params["two"]}" }
  post("/digest") { Digest::SHA256.hexdigest(request.body.read) }
  get("/stream") { stream { |out| 300.times { |number| out << "#{number}\n" } } }
  get("/file") { send_file __FILE__ }
  get("/teapot") { halt 418, {"x-short" => "stout"}, "a teapot" }
  get("/cookies") do
    response.set_cookie("a", value: "1")
    response.set_cookie("b", value: "2")
    redirect to("/hello/x")
  end
  get("/raise") { raise "on purpose, in Sinatra" }
end

run Site
