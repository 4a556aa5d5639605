#include <rondo/http/test_client.hpp>
#include <rondo/net/memory_stream.hpp>

namespace rondo::http::detail {
namespace {

class server_connector final : public connector {
 public:
  server_connector(server& s, task_group& g) noexcept : server_(s), group_(g) {}

  task<net::any_stream> connect(const http::url&) override {
    auto [here, there] = net::make_memory_streams();
    group_.spawn(server_.serve_stream(net::any_stream(std::move(there))));
    co_return net::any_stream(std::move(here));
  }

 private:
  server& server_;
  task_group& group_;
};

}  // namespace

std::shared_ptr<connector> into_server(server& s, task_group& g) {
  return std::make_shared<server_connector>(s, g);
}

}  // namespace rondo::http::detail
