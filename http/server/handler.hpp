// A handler, and a link of middleware, with their types erased. Internal.
#pragma once

#include <rondo/http/server_messages.hpp>
#include <rondo/runtime/task.hpp>

#include <utility>

namespace rondo::http {

class next;

namespace detail {

struct any_handler {
  any_handler() = default;
  any_handler(const any_handler&) = delete;
  any_handler& operator=(const any_handler&) = delete;
  virtual ~any_handler() = default;
  virtual task<server_response> call(server_request& r) = 0;
};

template <class Handler>
struct typed_handler final : any_handler {
  explicit typed_handler(Handler h) : handler(std::move(h)) {}
  task<server_response> call(server_request& r) override { return handler(r); }
  Handler handler;
};

struct any_link {
  any_link() = default;
  any_link(const any_link&) = delete;
  any_link& operator=(const any_link&) = delete;
  virtual ~any_link() = default;
  virtual task<server_response> call(server_request& r, next& rest) = 0;
};

template <class Link>
struct typed_link final : any_link {
  explicit typed_link(Link l) : link(std::move(l)) {}
  task<server_response> call(server_request& r, next& rest) override { return link(r, rest); }
  Link link;
};

}  // namespace detail
}  // namespace rondo::http
