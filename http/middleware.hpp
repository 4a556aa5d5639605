// Middleware: what stands around the handlers of a server.
//
//   s.use([](http::server_request& r, http::next& rest) -> task<http::server_response> {
//     http::server_response answer = co_await rest(r);
//     co_return std::move(answer).header("X-Content-Type-Options", "nosniff");
//   });
//
// A link is (server_request&, next&) -> task<server_response>. It may change the request's part
// that is its own (put), answer by itself, ask the rest and change what that gives, or ask it
// again. It is kept as long as the server, and called by all requests, which run side by side. The
// chain of each route is made once, when serving begins: the server's links outside, those of its
// groups inside, each in the order of use(). A link costs one frame a request, no link costs
// nothing.
//
// A response is a value, whose body is still a source: nothing is queued between two links, and a
// piece of a body is made when the client can take it. A link that changes a body, or must see its
// end, wraps the source (server_response::take_body).
//
// The server's own links are also around what no route answers (404, 405, 501, the answer to
// OPTIONS, a redirect to the path with its slash); those of a group around what it answers for the
// paths of the group's routes. What a handler throws goes through the links as an exception. A
// request that is cancelled, because its client has gone or the server stops, destroys the frames
// from the handler outwards: what a link must do in any case, a destructor does.
#pragma once

#include <rondo/http/server/handler.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/runtime/task.hpp>

namespace rondo::http {

namespace detail {
class routing;
}

// What follows a link: the next one, in the end the handler.
class next {
 public:
  // Its answer. Throws what the handler throws.
  task<server_response> operator()(server_request& r) {
    return link_ != nullptr ? link_->call(r, *rest_) : handler_->call(r);
  }

 private:
  friend class detail::routing;
  explicit next(detail::any_handler& h) noexcept : handler_(&h) {}
  next(detail::any_link& l, next& rest) noexcept : link_(&l), rest_(&rest) {}

  detail::any_link* link_ = nullptr;
  next* rest_ = nullptr;
  detail::any_handler* handler_ = nullptr;  // of the last
};

}  // namespace rondo::http
