// One call of client::send: a request, its redirects, and the response at the end. Internal.
//
//   run ──► hop ──► pool ──► dial, when no connection came ──► round trip ──► a response
//    ▲       └── once more on a fresh connection, when the first was stale
//    └── a redirect, or a challenge that can be answered, changes the request
#pragma once

#include <rondo/http/client/digest.hpp>
#include <rondo/http/client/exchange_context.hpp>
#include <rondo/http/client/redirect.hpp>
#include <rondo/http/client/request_head.hpp>
#include <rondo/http/client/round_trip.hpp>
#include <rondo/http/client/route.hpp>
#include <rondo/http/client_options.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>
#include <rondo/runtime/span.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo::http::detail {

// What the copies of a client share.
struct client_state {
  client_options options;
  std::shared_ptr<pool> connections;
  // Made when the first https URL is asked for.
  struct tls_contexts {
    net::tls_context given;                    // the options', or the usual one
    std::array<net::tls_context, 3> offering;  // by speaks: with the protocols for it (ALPN)
  };
  mutable tls_contexts tls;
  mutable digest_sessions digests;
};

class exchange {
 public:
  // Both outlive it.
  exchange(const client_state& s, request& r);
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;
  // One that has neither given a response nor failed was given up.
  ~exchange();

  // The exchange becomes a span, of the trace that its task is in.
  void begin_span();
  // It has ended with an error: the tracer hears of it.
  void fail(const char* what);

  task<response> run();
  // The same, and the response is read while the body may still be on its way.
  task<> run_beside(response_reader& reader);

  exchange_context& context() noexcept { return context_; }
  // How long reading the response may take.
  void set_deadline(response& r, rondo::detail::time_point deadline) const noexcept;

  // The connection of a response with status 101, and what has come on it since; its place in the
  // pool is free. Or the stream of one with status 200 to an extended CONNECT. Throws
  // protocol_error when that has ended with its head; std::bad_alloc.
  static std::pair<transport, std::string> take_over(response& r);

  // For a policy.
  task<response> attempt() { return hop(); }
  task<response> attempt_apart();
  bool may_be_doubled() const noexcept;
  const std::string& method() const noexcept { return request_.method_; }
  bool idempotent() const noexcept;
  bool may_send_body_again() const noexcept { return trip_.may_send_body_again(); }

 private:
  void prepare();
  void refuse_what_cannot_be_sent();
  bool may_send_again() const noexcept;
  task<response> hop();
  // An upgrade over HTTP/2 (RFC 8441), where that is known to be taken; nothing: by HTTP/1.1.
  task<std::optional<response>> hop_by_tunnel();
  // A place for it; none: by HTTP/1.1.
  task<lease> place_for_tunnel(reuse what, speaks how);
  task<> open(lease& l, const net::tls_context& identity, speaks how);
  void begin(lease& l, transport stream, speaks how);
  // What is to be spoken with whom the request goes to now; and what would be without its upgrade.
  speaks spoken() const noexcept;
  speaks spoken_without_upgrade() const noexcept;
  // What https is spoken with: after a redirect to another origin without the client's certificate.
  // Throws tls_error.
  net::tls_context tls_identity(speaks how) const;
  bool begin_on(client_connection& c, pool& p);
  bool begin_on(client_stream& c) noexcept;
  // `answer`: to a Digest challenge; kept by the caller.
  outgoing_request outgoing(const std::string& answer) const;
  std::string digest_answer() const;
  response make_response(lease l);
  void follow(response& r, redirect_plan plan);
  bool answer_challenge(response& r);
  const std::optional<credentials>& digest_credentials() const noexcept;
  void begin_digest();

  void deliver(response& r);

  const client_state& state_;
  request& request_;
  exchange_context context_;
  round_trip trip_;
  route way_;
  std::vector<past_response> history_;
  int challenges_ = 0;    // Digest: answered so far
  bool digest_ = false;   // the head brings an answer to a challenge, or one that held before
  bool crossed_ = false;  // a redirect led to another origin: secrets stay behind for good
  int status_ = 0;        // of the response that was delivered
  bool told_ = false;     // the tracer has heard how it ended, or hears it from the response
  std::unique_ptr<rondo::detail::span> span_;  // null: nobody looks
  std::string traceparent_;                    // of the span, for each request; empty: none
};

}  // namespace rondo::http::detail
