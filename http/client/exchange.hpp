// One call of client::send: a request, its redirects, and the response at the end. Internal.
//
//   run ──► hop ──► pool ──► dial, when no connection came ──► send and hear ──► a response
//    ▲       └── once more on a fresh connection, when the first was stale
//    └── a redirect changes the request
//
// The phase under way is kept, so that whoever catches an error or a timeout can name it.
#pragma once

#include <rondo/http/client/dial.hpp>
#include <rondo/http/client/digest.hpp>
#include <rondo/http/client/redirect.hpp>
#include <rondo/http/client_options.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/runtime/task_group.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace rondo::http::detail {

// What the copies of a client share.
struct client_state {
  client_options options;
  std::shared_ptr<pool> connections;
  mutable net::tls_context
      tls;  // made when the first https URL is asked for, unless the options have one
  mutable digest_sessions digests;
};

class exchange {
 public:
  exchange(const client_state& s, request& r);

  task<response> run();
  // The same, and the response is read while the body may still be on its way.
  task<> run_beside(response_reader& reader);

  http::phase current_phase() const noexcept { return phase_; }
  // For a policy.
  task<response> attempt() { return hop(); }
  task<response> attempt_apart();
  bool may_be_doubled() const noexcept;
  const std::string& method() const noexcept { return request_.method_; }
  bool idempotent() const noexcept;
  bool may_send_body_again() const noexcept;
  // For dial().
  void set_phase(http::phase p) noexcept { phase_ = p; }
  bool is_traced() const noexcept { return trace_ != nullptr; }
  address_guard* guard() const noexcept { return state_.options.guard_.get(); }
  // Where every connection goes; nullptr: where the URL says.
  const net::endpoint* unix_socket() const noexcept {
    const auto& at = state_.options.unix_socket_;
    return at ? &*at : nullptr;
  }
  net::connect_options sockets() const {
    return state_.options.sockets_.value_or(net::connect_options());
  }
  const http::parser_limits& parser_limits() const noexcept { return state_.options.limits_; }
  const route& way() const noexcept { return way_; }
  // Of the request as it is now, after redirects.
  const http::url& url() const noexcept { return request_.url_; }
  // What https is spoken with: after a redirect to another origin without the client's certificate.
  // Throws net::tls_error.
  net::tls_context tls_identity() const;
  rondo::detail::nanoseconds limit(http::phase p) const noexcept;
  void set_deadline(response& r, rondo::detail::time_point deadline) const noexcept;
  void trace(trace_point what, std::string_view text = {}, std::uint64_t number = 0) {
    if (trace_) [[unlikely]]
      tell(what, text, number);
  }

 private:
  // What of a response has been heard.
  enum class heard : std::uint8_t { final_head, go_ahead };
  struct expectation_failed {};
  // Of the connection; what a request's own body throws passes as it is.
  struct write_failure {
    std::error_code code;
  };
  // Nothing, or not all of a head, came before the connection ended.
  struct no_answer {
    std::error_code code;
    const char* what;
  };

  template <class T>
  task<T> within(http::phase p, task<T> t);
  void prepare();
  void refuse_what_cannot_be_sent();
  bool may_send_again() const noexcept;
  bool stays_behind(std::string_view field_name) const noexcept;
  void open_body();

  task<response> hop();
  task<> open(lease& l);
  bool begin_on(connection& c, pool& p);
  task<> send_and_hear(connection& c);
  task<> hear_in_time(connection& c);
  task<> send_while_hearing(connection& c);
  task<> send_and_say(connection& c);
  task<> hear_and_say(connection& c);
  // Precondition: there is one.
  task<> stop_upload();
  task<heard> hear(connection& c, bool until_go_ahead);
  task<> write_body(connection& c);
  task<> write_stream(connection& c);
  task<> put(connection& c, std::string_view text);
  void keep_failure(const write_failure& e);
  [[noreturn]] static void throw_unsent(const write_failure& e);
  template <class T>
  [[noreturn]] static void throw_failure_of(const outcome<T>& written);
  std::string head_text() const;
  response make_response(lease l);
  void follow(response& r, redirect_plan plan);
  bool answer_challenge(response& r);
  const std::optional<credentials>& digest_credentials() const noexcept;
  void begin_digest();
  void tell(trace_point what, std::string_view text, std::uint64_t number);
  void tell(trace_point what, std::string_view text, std::uint64_t number,
            std::chrono::steady_clock::time_point at);

  template <class M>
  const auto& setting(std::optional<M> settings::* m) const noexcept {
    return request_.own_ && (*request_.own_).*m ? *((*request_.own_).*m)
                                                : *(state_.options.settings_.*m);
  }

  const client_state& state_;
  request& request_;
  http::phase phase_ = phase::url;
  route way_;
  std::vector<past_response> history_;
  tracer* trace_ = nullptr;
  std::uint64_t number_ = 0;  // of the exchange, for the tracer
  std::optional<write_failure> unsent_;
  task_group* uploads_ = nullptr;             // where a body is sent; null: in a group of its own
  std::optional<join_handle<void>> writing_;  // the latest body's way out
  std::shared_ptr<upload> both_;              // what it shares with the hearing
  int challenges_ = 0;                        // Digest: answered so far
  bool digest_ = false;      // the head brings an answer to a challenge, or one that held before
  bool crossed_ = false;     // a redirect led to another origin: secrets stay behind for good
  bool expects_ = false;     // Expect: 100-continue is to be sent
  bool body_taken_ = false;  // a body that can be sent once has been begun
};

}  // namespace rondo::http::detail
