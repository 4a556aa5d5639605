// The routes of a server with their handlers, groups and middleware, and for each the chain that a
// request goes through. Internal.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/http/server/handler.hpp>
#include <rondo/http/server/router.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

class routing {
 public:
  using group = std::size_t;
  static constexpr group everything = 0;

  routing();
  routing(const routing&) = delete;
  routing& operator=(const routing&) = delete;
  ~routing();

  // All throw std::logic_error when serving has begun.
  //
  // Throws std::invalid_argument for a prefix that does not begin with "/", or ends with it.
  group add_group(group within, std::string_view prefix);
  // With those of the groups around it.
  const std::string& prefix_of(group g) const noexcept { return groups_[g].prefix; }
  // Throws std::invalid_argument as router::add.
  void add(group g, std::string_view method, std::string_view pattern,
           std::unique_ptr<any_handler> h);
  void use(group g, std::unique_ptr<any_link> link);
  void redirect_slashes(bool on);

  // Makes the chains, the first time. Whoever serves calls it before the first request.
  void compose();

  // Fills in what the route gives the request, and returns the chain that answers it: there is
  // always one. `whole_server`: the request's target is "*".
  next& find(server_request& r, bool whole_server) const;

 private:
  class unrouted;
  struct group_entry {
    group within;  // of the whole server: itself
    std::string prefix;
    std::vector<std::unique_ptr<any_link>> links;
    next* unrouted = nullptr;  // around what its routes do not answer
  };
  struct route {
    std::unique_ptr<any_handler> handler;
    group in;
    std::string pattern;
    next* chain = nullptr;
  };

  void refuse_when_composed() const;
  next& chain(group g, any_handler& h);
  server_response answer_unrouted(const server_request& r) const;
  server_response about_the_server() const;
  // Where the same path with its last slash, or without it, is a route; empty when it is none.
  std::string other_slash(const server_request& r) const;

  router router_;
  std::vector<route> routes_;  // by the numbers that the router gives
  std::vector<group_entry> groups_;
  std::deque<next> chains_;
  std::unique_ptr<any_handler> unrouted_;
  bool redirects_slashes_ = false;
  bool composed_ = false;
};

}  // namespace rondo::http::detail
