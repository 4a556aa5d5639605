// PostgreSQL by libpq: its asynchronous calls, and Rondo's readable() and writable() in between.
//
//   rondo::pool<postgres> dbs([] { return postgres::connect("host=/run/postgresql"); },
//                             postgres::pooled().limit(8));
//   auto db = co_await dbs.acquire();
//   auto rows = co_await db->query("select name from people where id = $1", {"7"});
//
// A query that is cancelled leaves its connection in the middle of an answer: idle() says so, and
// the pool ends it.
#pragma once

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct postgres_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class postgres {
 public:
  using rows = std::vector<std::vector<std::string>>;
  struct notice {
    std::string channel;
    std::string payload;
  };

  // As PQconnectdb takes it. Throws postgres_error.
  static rondo::task<postgres> connect(std::string how) {
    postgres db(PQconnectStart(how.c_str()));
    if (!db.to_ || PQstatus(db.to_.get()) == CONNECTION_BAD) db.fail();
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
      if (next == PGRES_POLLING_FAILED) db.fail();
      // The descriptor may be another one each time.
      const int fd = PQsocket(db.to_.get());
      co_await (next == PGRES_POLLING_READING ? rondo::readable(fd) : rondo::writable(fd));
      next = PQconnectPoll(db.to_.get());
    }
    PQsetnonblocking(db.to_.get(), 1);
    co_return db;
  }
  static rondo::pool_options<postgres> pooled() {
    return rondo::pool_options<postgres>()
        .usable([](postgres& db) { return db.idle(); })
        .check([](postgres& db) -> rondo::task<bool> {
          co_return (co_await db.query("select 1")).size() == 1;
        });
  }

  // The rows of one statement; $1, $2, … are the parameters. Throws postgres_error.
  rondo::task<rows> query(std::string sql, std::vector<std::string> parameters = {}) {
    std::vector<const char*> values;
    for (const std::string& p : parameters) values.push_back(p.c_str());
    if (PQsendQueryParams(to_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, 0) == 0)
      fail();
    while (const int left = PQflush(to_.get())) {
      if (left < 0) fail();
      // The server may have to be listened to before it takes more.
      co_await rondo::race(rondo::readable(PQsocket(to_.get())),
                           rondo::writable(PQsocket(to_.get())));
      if (PQconsumeInput(to_.get()) == 0) fail();
    }
    rows all;
    std::string error;
    while (true) {
      while (PQisBusy(to_.get()) != 0) co_await more();
      const std::unique_ptr<PGresult, void (*)(PGresult*)> r(PQgetResult(to_.get()), &PQclear);
      if (!r) break;
      if (PQresultStatus(r.get()) == PGRES_FATAL_ERROR) error = PQresultErrorMessage(r.get());
      for (int i = 0; i < PQntuples(r.get()); ++i) {
        auto& row = all.emplace_back();
        for (int k = 0; k < PQnfields(r.get()); ++k) row.emplace_back(PQgetvalue(r.get(), i, k));
      }
    }
    if (!error.empty()) throw postgres_error(error);
    co_return all;
  }
  // The next that somebody NOTIFYs of what was LISTENed to. Cancelled, it loses none.
  rondo::task<notice> notification() {
    while (true) {
      if (const std::unique_ptr<PGnotify, void (*)(void*)> n(PQnotifies(to_.get()), &PQfreemem); n)
        co_return notice{n->relname, n->extra};
      co_await more();
    }
  }
  // Between two queries, and connected as far as it knows.
  bool idle() const { return PQtransactionStatus(to_.get()) == PQTRANS_IDLE; }

 private:
  explicit postgres(PGconn* to) : to_(to, &PQfinish) {}
  rondo::task<> more() {
    co_await rondo::readable(PQsocket(to_.get()));
    if (PQconsumeInput(to_.get()) == 0) fail();
  }
  [[noreturn]] void fail() const { throw postgres_error(PQerrorMessage(to_.get())); }

  std::unique_ptr<PGconn, void (*)(PGconn*)> to_;
};
