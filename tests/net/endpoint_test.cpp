#include <rondo/net/endpoint.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdexcept>
#include <string>
#include <unordered_set>

namespace {

using rondo::net::address;
using rondo::net::endpoint;

TEST(Endpoint, ParsesWhatItWrites) {
  for (const char* text :
       {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[2001:db8::1]:8080",
        "unix:/run/x.sock", "unix:relative", "unix:@abstract", "unix:with:colons:1"})
    EXPECT_EQ(endpoint::parse(text).to_string(), text);
}

TEST(Endpoint, TellsItsParts) {
  const endpoint v4 = endpoint::parse("127.0.0.1:80");
  EXPECT_TRUE(v4.is_ip());
  EXPECT_EQ(v4.ip(), address::loopback_v4());
  EXPECT_EQ(v4.port(), 80);
  EXPECT_EQ(v4.family(), AF_INET);
  const endpoint v6 = endpoint::parse("[::1]:81");
  EXPECT_EQ(v6.ip(), address::loopback_v6());
  EXPECT_EQ(v6.port(), 81);
  EXPECT_EQ(v6.family(), AF_INET6);
  const endpoint named = endpoint::parse("unix:/a/b");
  EXPECT_TRUE(named.is_unix());
  EXPECT_EQ(named.path(), "/a/b");
  EXPECT_EQ(named.port(), 0);
  EXPECT_EQ(named.family(), AF_UNIX);
}

TEST(Endpoint, RefusesWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no port"},
      {"127.0.0.1", "no port"},
      {"127.0.0.1:", "the port must be"},
      {"127.0.0.1:x", "the port must be"},
      {"127.0.0.1:65536", "the port must be"},
      {"127.0.0.1:-1", "the port must be"},
      {"127.0.0.1:+1", "the port must be"},
      {"127.0.0.1: 1", "the port must be"},
      {"127.0.0.1:99999999999999999999", "the port must be"},
      {"::1:80", "brackets"},
      {"[::1]", "brackets"},
      {"[127.0.0.1]:80", "IP address"},
      {"localhost:80", "IP address"},
      {":80", "IP address"},
      {"[]:80", "IP address"},
      {"unix:", "empty"},
      {"unix:@", "empty"},
  };
  for (const auto& [text, reason] : cases) {
    try {
      endpoint::parse(text);
      ADD_FAILURE() << '"' << text << "\" was taken";
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find(reason), std::string::npos) << text << ": " << e.what();
      EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
    }
  }
}

TEST(Endpoint, TakesAUnixNameOf107BytesAndNotOneMore) {
  EXPECT_EQ(endpoint::unix_path(std::string(107, 'a')).path().size(), 107U);
  EXPECT_THROW(endpoint::unix_path(std::string(108, 'a')), std::invalid_argument);
}

// A path ends at a NUL byte, so one in it would name another file. An abstract name is all of its
// bytes: "null bytes in the name have no special significance" (unix(7)).
TEST(Endpoint, RefusesANulByteInAPathAndTakesItInAnAbstractName) {
  using namespace std::string_literals;
  for (const std::string& path : {"a\0b"s, "\0"s, "/tmp/x\0"s, "\0abstract"s}) {
    try {
      endpoint::unix_path(path);
      ADD_FAILURE() << "it was taken";
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find("NUL"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("\\0"), std::string::npos) << e.what();
    }
    EXPECT_THROW(endpoint::parse("unix:" + path), std::invalid_argument);
  }
  for (const std::string& name : {"@a\0b"s, "@\0"s, "@\0\0end"s}) {
    const endpoint e = endpoint::unix_path(name);
    EXPECT_EQ(e.path(), name);
    sockaddr_storage system;
    const unsigned size = e.to_sockaddr(system);
    EXPECT_EQ(size, offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&system), size), e);
    EXPECT_EQ(endpoint::parse(e.to_string()), e);
  }
}

TEST(Endpoint, SurvivesTheSystemsForm) {
  for (const endpoint& e :
       {endpoint::parse("1.2.3.4:5"), endpoint::parse("[2001:db8::1]:65535"),
        endpoint::parse("[fe80::1%1]:1"), endpoint::parse("unix:/tmp/x"),
        endpoint::parse("unix:@abstract"), endpoint::unix_path(std::string(107, 'a')),
        endpoint::unix_path("@" + std::string(106, 'a'))}) {
    sockaddr_storage name;
    const unsigned size = e.to_sockaddr(name);
    EXPECT_EQ(endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&name), size), e)
        << e.to_string();
  }
}

TEST(Endpoint, NamesAnUnnamedUnixSocketByNothing) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const endpoint e =
      endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&name), sizeof(sa_family_t));
  EXPECT_TRUE(e.is_unix());
  EXPECT_EQ(e.path(), "");
}

TEST(Endpoint, ComparesAndHashesByWhatItIs) {
  const endpoint a = endpoint::parse("127.0.0.1:80");
  EXPECT_EQ(a, endpoint(address::loopback_v4(), 80));
  EXPECT_NE(a, endpoint::parse("127.0.0.1:81"));
  EXPECT_LT(a, endpoint::parse("127.0.0.1:81"));
  EXPECT_NE(endpoint::parse("unix:a"), endpoint::parse("unix:@a"));
  std::unordered_set<endpoint> set;
  for (int port = 0; port < 1000; ++port)
    set.emplace(address::loopback_v4(), static_cast<std::uint16_t>(port));
  set.insert(endpoint::parse("[::1]:80"));
  set.insert(endpoint::parse("unix:/x"));
  EXPECT_EQ(set.size(), 1002U);
  EXPECT_TRUE(set.contains(endpoint::parse("127.0.0.1:999")));
}

}  // namespace
