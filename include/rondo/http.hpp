// Rondo's HTTP: URLs, headers, a client, a server.
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/client.hpp>
#include <rondo/http/client_options.hpp>
#include <rondo/http/cookies.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/file_options.hpp>
#include <rondo/http/form.hpp>
#include <rondo/http/guard.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/percent.hpp>
#include <rondo/http/policy.hpp>
#include <rondo/http/proxy.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/resilience.hpp>
#include <rondo/http/response.hpp>
#include <rondo/http/server.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/http/server_options.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/http/url.hpp>
