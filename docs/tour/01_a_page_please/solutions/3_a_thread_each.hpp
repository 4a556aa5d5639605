// Exercise 1.3: a thread for each page. Each writes to a place of its own; they are added up when
// it has ended.
#pragma once

#include "../fetch.hpp"

#include <pthread.h>

#include <vector>

namespace tour {

struct fetched {
  int pages = 0;
  std::size_t stack = 0;
};

struct fetching {
  unsigned short port = 0;
  pthread_t thread{};
  int status = 0;
  std::size_t stack = 0;
};

inline void* fetch_one(void* p) {
  fetching& f = *static_cast<fetching*>(p);
  pthread_attr_t mine;
  pthread_getattr_np(pthread_self(), &mine);
  pthread_attr_getstacksize(&mine, &f.stack);
  pthread_attr_destroy(&mine);
  f.status = fetch(f.port, "/100").status;
  return nullptr;
}

inline fetched fetch_each(unsigned short port, int how_many) {
  std::vector<fetching> each(static_cast<std::size_t>(how_many));
  for (fetching& f : each) {
    f.port = port;
    if (pthread_create(&f.thread, nullptr, fetch_one, &f) != 0) fail("pthread_create");
  }
  fetched all;
  for (fetching& f : each) {
    pthread_join(f.thread, nullptr);
    if (f.status == 200) ++all.pages;
    all.stack += f.stack;
  }
  return all;
}

}  // namespace tour
