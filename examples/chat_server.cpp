// A chat in rooms, for browsers.
//
//   chat_server [127.0.0.1:8080]     then open http://127.0.0.1:8080/ in two windows, or:
//                                    rondo ws 'ws://127.0.0.1:8080/rooms/lobby?nick=me'
//
// A room is a broadcast: what one says is framed and kept once, and sent to all. Each has a line of
// 64; who reads too slowly for that is closed (1008), and holds nobody up. Ctrl-C stops it: each
// is told 1001. Nothing crosses threads, because there is one loop.
#include "chat_page.hpp"

#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace http = rondo::http;
using rondo::task;

class chat {
 public:
  static constexpr std::size_t longest_name = 32;
  static constexpr std::size_t most_rooms = 1000;

  // Whoever has come stays until the WebSocket has ended, and is missed however that was.
  task<> visit(http::websocket& ws, std::string room_name, std::string nick) {
    if (rooms_.size() >= most_rooms && !rooms_.contains(room_name))
      co_return co_await ws.close(1013, "there are too many rooms");
    room& here = rooms_[room_name];
    ++here.people;
    co_await rondo::finally(talk(ws, here, nick), [&] { return leave(room_name, nick); });
  }

 private:
  struct room {
    rondo::broadcast<http::framed_message> said;
    int people = 0;
  };

  static task<> say(room& here, std::string line) {
    co_await here.said.send(http::framed_message::text(line));
  }

  static task<> talk(http::websocket& ws, room& here, const std::string& nick) {
    auto heard = here.said.subscribe(64, rondo::overflow::close);
    co_await say(here, nick + " has come");
    co_await rondo::with_task_group([&](rondo::task_group& g) -> task<> {
      auto showing = g.spawn(show(ws, heard));
      while (const auto m = co_await ws.receive())
        if (m->is_text && !m->data.empty()) co_await say(here, nick + ": " + m->data);
      showing.cancel();
    });
  }

  static task<> show(http::websocket& ws, rondo::subscription<http::framed_message>& heard) {
    while (const auto line = co_await heard.next()) co_await ws.send(*line);
    if (heard.lagged()) co_await ws.close(1008, "you read too slowly");
  }

  task<> leave(const std::string& room_name, const std::string& nick) {
    room& here = rooms_.at(room_name);
    co_await say(here, nick + " has left");
    if (--here.people == 0) rooms_.erase(room_name);
  }

  std::map<std::string, room> rooms_;
};

bool is_name(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  return !text.empty() && text.size() <= chat::longest_name &&
         std::none_of(text.begin(), text.end(), is_control);
}

task<> serve(std::string at, http::stop_handle stop) {
  chat all;
  http::server server;
  server.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
    co_return http::server_response::html(std::string(chat_page));
  });
  server.route(
      "GET", "/rooms/{room}", [&all](http::server_request& r) -> task<http::server_response> {
        const std::string room(r.param("room"));
        const std::string nick = r.query("nick").value_or("somebody");
        if (!is_name(room) || !is_name(nick))
          co_return http::server_response::text(
              "a name has 1 to 32 bytes, and no control among them\n", 400);
        co_return http::accept_websocket(
            r, [&all, room, nick](http::websocket& ws) { return all.visit(ws, room, nick); },
            http::websocket_options().max_message(4096));
      });
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse(at));
  std::printf("http://%s/\n", listener.local_endpoint().to_string().c_str());
  std::fflush(stdout);
  co_await server.serve(std::move(listener), std::move(stop));
}

int main(int argc, char** argv) {
  const std::string at = argc > 1 ? argv[1] : "127.0.0.1:8080";
  return http::run_server([&](http::stop_handle stop) { return serve(at, std::move(stop)); }, 1);
}
