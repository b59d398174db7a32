// What an answer means, and how it is told. Pure.
#pragma once

#include <optional>
#include <string>

#include "s3/error.hpp"
#include "s3/settings.hpp"
#include "s3/transport.hpp"

namespace syncline::s3 {

/// Status, and what the headers and an XML body tell; HTML and empty bodies tell nothing.
Answer read_answer(const HttpResponse& response);

/// Nothing for a success. A 200 whose answer has a code (an <Error> in its body) is judged by that code.
std::optional<Failure> judge(const Answer& answer);

/// Whether the same request may do better a little later.
bool may_repeat(Failure failure, const Answer& answer);

/// Whether the credentials were too old, so that new ones may do better.
bool wants_new_credentials(const Answer& answer);

/// What was asked for, for messages.
struct Operation {
    std::string what;  ///< "read", "list"
    std::string key;   ///< "": the bucket itself
};

/// "bucket 'store' (my-bucket at https://...): cannot read 'a/b': access denied (403 AccessDenied, request 1234); ..."
S3Error describe(const S3Settings& settings, const Operation& operation, Failure failure, const Answer& answer,
                 std::optional<Duration> clock_offset, unsigned attempts);
/// The same where there was no whole answer.
S3Error describe(const S3Settings& settings, const Operation& operation, const TransportError& trouble,
                 unsigned attempts);

}  // namespace syncline::s3
