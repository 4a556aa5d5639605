// Traces across client and server: what each tells the other, and that every span ends.
#include "http/in_memory.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <map>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace http_traces_cases {
namespace {

struct kept_span {
  std::string name;
  span_kind kind;
  trace_context trace;
  std::chrono::nanoseconds took;
  span_end how;
  std::map<std::string, std::string> attributes;
};

// Every span that ends in the life of this object.
class span_keeper {
 public:
  span_keeper() {
    set_span_sink([this](const span_record& s) {
      kept_span& k = all.emplace_back(
          kept_span{std::string(s.name), s.kind, s.trace, s.ended - s.began, s.how, {}});
      for (const span_attribute& a : s.attributes) k.attributes.emplace(a.name, a.value);
    });
  }
  span_keeper(const span_keeper&) = delete;
  span_keeper& operator=(const span_keeper&) = delete;
  ~span_keeper() { set_span_sink(nullptr); }

  const kept_span& named(const std::string& name) const {
    for (const kept_span& s : all)
      if (s.name == name) return s;
    ADD_FAILURE() << "no span is called " << name;
    static const kept_span none{};
    return none;
  }

  std::vector<kept_span> all;
};

// A server whose handler asks a second one, both traced.
task<> ask_through_two(http::server& front, http::server& back) {
  back.use(http::trace_requests())
      .route("GET", "/inner", [](server_request& r) -> task<server_response> {
        EXPECT_NE(current_trace(), nullptr);
        EXPECT_NE(r.find<trace_context>(), nullptr);
        co_await sleep_for(2ms);
        co_return server_response::text("inner");
      });
  co_await http::with_test_client(
      back,
      [&](http::client& to_back) -> task<> {
        front.use(http::trace_requests())
            .route("GET", "/outer/{id}", [&](server_request&) -> task<server_response> {
              http::response r = co_await to_back.get("http://back/inner");
              co_return server_response::text(co_await with_span("read it", r.text()));
            });
        co_await http::with_test_client(
            front,
            [](http::client& c) -> task<> {
              http::response r = co_await c.get("http://front/outer/7?secret");
              EXPECT_EQ(co_await r.text(), "inner");
            },
            spoken());
      },
      spoken());
}

EVERY_VERSION(Traces, OneTraceGoesFromClientToServerToClientToServer) {
  const span_keeper spans;
  http::server front;
  http::server back;
  co_await with_span("root", ask_through_two(front, back));
  EXPECT_EQ(spans.all.size(), 6U);
  const kept_span& root = spans.named("root");
  const kept_span& outer = spans.named("GET /outer/{id}");
  const kept_span& inner = spans.named("GET /inner");
  std::vector<kept_span> clients;
  for (const kept_span& s : spans.all) {
    EXPECT_EQ(s.trace.trace_id, root.trace.trace_id) << s.name;
    EXPECT_EQ(s.trace.span_id.size(), 16U);
    EXPECT_TRUE(s.trace.sampled);
    EXPECT_EQ(s.how, span_end::ok) << s.name;
    if (s.kind == span_kind::client) clients.push_back(s);
  }
  EXPECT_EQ(clients.size(), 2U);
  if (clients.size() != 2) co_return;
  const bool first_is_outer =
      clients[0].attributes.at("url.full").find("outer") != std::string::npos;
  const kept_span& to_outer = clients[first_is_outer ? 0 : 1];
  const kept_span& to_inner = clients[first_is_outer ? 1 : 0];
  EXPECT_EQ(root.trace.parent_id, "");
  EXPECT_EQ(to_outer.trace.parent_id, root.trace.span_id);
  EXPECT_EQ(outer.trace.parent_id, to_outer.trace.span_id);
  EXPECT_EQ(to_inner.trace.parent_id, outer.trace.span_id);
  EXPECT_EQ(inner.trace.parent_id, to_inner.trace.span_id);
  EXPECT_EQ(spans.named("read it").trace.parent_id, outer.trace.span_id);
  EXPECT_EQ(outer.kind, span_kind::server);
  EXPECT_EQ(outer.attributes.at("http.route"), "/outer/{id}");
  EXPECT_EQ(outer.attributes.at("http.response.status_code"), "200");
  EXPECT_EQ(to_inner.attributes.at("http.request.method"), "GET");
}

EVERY_VERSION(Traces, TheServerGoesOnWithTheTraceThatItsClientNames) {
  const span_keeper spans;
  http::server s;
  s.use(http::trace_requests()).use(http::request_id());
  std::string seen;
  s.route("GET", "/", [&](server_request& r) -> task<server_response> {
    seen = r.find<http::trace_context>()->traceparent();
    co_return server_response::text("");
  });
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  co_await answer_to(
      s, request_text("GET /", "traceparent: 00-" + trace + "-00f067aa0ba902b7-00\r\n"));
  co_await answer_to(
      s, request_text("GET /", "traceparent: 00-" + trace + "-00f067aa0ba902b7-0x\r\n"));
  EXPECT_EQ(spans.all.size(), 2U);
  if (spans.all.size() != 2) co_return;
  EXPECT_EQ(spans.all[0].trace.trace_id, trace);
  EXPECT_EQ(spans.all[0].trace.parent_id, "00f067aa0ba902b7");
  EXPECT_FALSE(spans.all[0].trace.sampled);
  EXPECT_NE(spans.all[1].trace.trace_id, trace);
  EXPECT_EQ(spans.all[1].trace.parent_id, "");
  EXPECT_EQ(seen, spans.all[1].trace.traceparent());
}

EVERY_VERSION(Traces, AFieldOfTheRequestsOwnIsLeftAlone) {
  const span_keeper spans;
  http::server s;
  std::string got;
  s.route("GET", "/", [&](server_request& r) -> task<server_response> {
    got = std::string(r.headers().get("traceparent").value_or("none"));
    co_return server_response::text("");
  });
  co_await http::with_test_client(
      s,
      [&](http::client& c) -> task<> {
        co_await c.send(http::request("GET", "http://a/").header("traceparent", "mine"));
        EXPECT_EQ(got, "mine");
        co_await c.get("http://a/");
        EXPECT_EQ(got, spans.all.back().trace.traceparent());
        set_span_sink(nullptr);
        co_await c.get("http://a/");
        EXPECT_EQ(got, "none") << "nobody listens, and there is no trace";
      },
      spoken());
}

EVERY_VERSION(Traces, AStatusOf500AndWhatIsThrownAreErrors) {
  const span_keeper spans;
  http::server s;
  s.use(http::trace_requests())
      .route("GET", "/throws", [](server_request&) -> task<server_response> {
        throw std::domain_error("broken");
        co_return server_response();
      });
  co_await http::with_test_client(
      s,
      [&](http::client& c) -> task<> {
        co_await c.get("http://a/none");
        EXPECT_EQ(spans.named("GET").how, span_end::ok) << "404 is no fault of the server's";
        EXPECT_EQ(spans.all.back().how, span_end::error) << "of the client it is";
        bool failed = false;
        try {
          co_await with_span("work", []() -> task<> {
            throw std::domain_error("broken");
            co_return;
          });
        } catch (const std::domain_error&) {
          failed = true;
        }
        EXPECT_TRUE(failed);
      },
      spoken());
  EXPECT_EQ(spans.named("work").how, span_end::error);
}

// Every span that began ends, once, wherever its task is cancelled; and what was cut says so.
EVERY_VERSION_RUNS(Traces, EverySpanEndsWhereverItsTaskIsCancelled) {
  span_keeper spans;
  const auto n = cancel_at_every_wait(
      reactor,
      [&] {
        spans.all.clear();
        return with_span("root", []() -> task<> {
          http::server front;
          http::server back;
          co_await ask_through_two(front, back);
        });
      },
      [&] {
        if (spans.all.empty()) return;  // cancelled before its first step
        std::map<std::string, int> seen;
        for (const kept_span& s : spans.all) EXPECT_EQ(++seen[s.trace.span_id], 1) << s.name;
        for (const kept_span& s : spans.all)
          if (s.name != "root")
            EXPECT_EQ(seen.count(s.trace.parent_id), 1U)
                << "the parent of " << s.name << " ended too";
        EXPECT_EQ(spans.all.back().name, "root");
        EXPECT_NE(spans.all.back().how, span_end::error);
        for (const kept_span& s : spans.all)
          if (spans.all.back().how == span_end::ok) EXPECT_EQ(s.how, span_end::ok) << s.name;
      });
  EXPECT_GE(n.at_rest, 10U);
}

// What the client counts of itself.
EVERY_VERSION(ClientMetrics, CountByMethodStatusAndPhase) {
  const auto m = std::make_shared<rondo::metrics>();
  http::server s;
  s.use(http::measure(std::make_shared<http::server_metrics>(m)));
  s.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello");
  });
  s.route("GET", "/moved", [](server_request&) -> task<server_response> {
    co_return server_response::redirect("/");
  });
  s.route("GET", "/slow", [](server_request&) -> task<server_response> {
    co_await sleep_for(1h);
    co_return server_response();
  });
  s.route("GET", "/metrics", http::metrics_page(m));
  std::string page;
  co_await http::with_test_client(
      s,
      [&](http::client& c) -> task<> {
        for (int i = 0; i < 2; ++i) {
          http::response r = co_await c.get("http://a/moved");
          co_await r.text();
        }
        co_await try_for(10ms, c.get("http://a/slow"));
        {
          http::response unread = co_await c.get("http://a/");
        }
        http::response r = co_await c.get("http://a/metrics");
        page = co_await r.text();
      },
      spoken().trace(std::make_shared<http::client_metrics>(m)));
  for (const char* line : {"http_client_request_duration_seconds_count{http_request_method=\"GET\","
                           "http_response_status_"
                           "code=\"200\",error_type=\"\"} 2\n",
                           "http_client_request_duration_seconds_count{http_request_method=\"GET\","
                           "http_response_status_"
                           "code=\"\",error_type=\"given_up\"} 1\n",
                           "http_client_request_duration_seconds_count{http_request_method=\"GET\","
                           "http_response_status_"
                           "code=\"200\",error_type=\"given_up\"} 1\n",
                           "http_client_active_requests{http_request_method=\"GET\"} 1\n",
                           "http_client_redirects_total 2\n",
                           "http_client_phase_duration_seconds_count{phase=\"pool\"} 7\n",
                           "http_client_connections_total{connection=\"reused\"} ",
                           "http_server_request_duration_seconds_count{http_request_method=\"GET\","
                           "http_route=\"/moved\","
                           "http_response_status_code="})
    EXPECT_TRUE(has(page, line)) << line << "\n" << page;
}

}  // namespace
}  // namespace http_traces_cases
