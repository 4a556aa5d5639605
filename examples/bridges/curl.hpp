// libcurl's multi interface: transfers of its own, waited for by tasks.
//
//   curl_client c;
//   g.spawn(c.run());
//   curl_answer a = co_await c.get("ftp://ftp.example.org/readme");
//
// A get() that is cancelled takes its transfer out at once.
#pragma once

#include "private_poll.hpp"

#include <rondo/runtime.hpp>

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

struct curl_answer {
  long status = 0;
  std::string body;
};

class curl_client {
 public:
  curl_client() {
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &socket_changed);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &timer_changed);
  }
  curl_client(const curl_client&) = delete;
  curl_client& operator=(const curl_client&) = delete;
  ~curl_client() {
    multi_.reset();
    timer_.cancel();
  }

  // Drives the transfers; for ever.
  rondo::task<> run() {
    while (true) {
      co_await sockets_.ready();
      sockets_.take([&](int fd, unsigned events) {
        act(fd, (events & ~unsigned{EPOLLOUT} ? CURL_CSELECT_IN : 0) |
                    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0));
      });
    }
  }

  // Throws std::runtime_error with libcurl's words.
  rondo::task<curl_answer> get(std::string url) {
    auto [promise, ended] = rondo::make_promise<CURLcode>();
    transfer t(multi_.get(), std::move(promise));
    curl_easy_setopt(t.easy.get(), CURLOPT_URL, url.c_str());
    curl_multi_add_handle(multi_.get(), t.easy.get());
    if (const CURLcode code = co_await std::move(ended); code != CURLE_OK)
      throw std::runtime_error(curl_easy_strerror(code));
    curl_easy_getinfo(t.easy.get(), CURLINFO_RESPONSE_CODE, &t.answer.status);
    co_return std::move(t.answer);
  }

 private:
  struct transfer {
    transfer(CURLM* m, rondo::promise<CURLcode> p) : multi(m), ended(std::move(p)) {
      curl_easy_setopt(easy.get(), CURLOPT_PRIVATE, this);
      curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer.body);
      curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &append);
    }
    transfer(const transfer&) = delete;
    transfer& operator=(const transfer&) = delete;
    ~transfer() { curl_multi_remove_handle(multi, easy.get()); }

    static std::size_t append(char* bytes, std::size_t, std::size_t n, void* to) {
      static_cast<std::string*>(to)->append(bytes, n);
      return n;
    }
    CURLM* multi;
    rondo::promise<CURLcode> ended;
    curl_answer answer;
    std::unique_ptr<CURL, void (*)(CURL*)> easy{curl_easy_init(), &curl_easy_cleanup};
  };

  void act(curl_socket_t fd, int ready) {
    int n = 0;
    curl_multi_socket_action(multi_.get(), fd, ready, &n);
    while (const CURLMsg* m = curl_multi_info_read(multi_.get(), &n)) {
      void* p = nullptr;
      curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
      if (m->msg == CURLMSG_DONE) static_cast<transfer*>(p)->ended.set_value(m->data.result);
    }
  }
  static int socket_changed(CURL*, curl_socket_t fd, int what, void* me, void*) {
    static_cast<curl_client*>(me)->sockets_.watch(fd, what & CURL_POLL_IN, what & CURL_POLL_OUT);
    return 0;
  }
  static int timer_changed(CURLM*, long ms, void* me) {
    auto& c = *static_cast<curl_client*>(me);
    c.timer_.cancel();
    if (ms >= 0)
      c.timer_ = rondo::this_loop().call_later(std::chrono::milliseconds(ms),
                                               [&c] { c.act(CURL_SOCKET_TIMEOUT, 0); });
    return 0;
  }

  private_poll sockets_;
  rondo::timer_handle timer_;
  std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> multi_{curl_multi_init(), &curl_multi_cleanup};
};
