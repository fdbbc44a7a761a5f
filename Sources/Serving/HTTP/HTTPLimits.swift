/// What a client may ask of the server.
package struct HTTPLimits: Sendable, Hashable {
    /// Bytes of the request line and the headers.
    package var headBytes = 16 << 10
    /// Bytes of a request's body.
    package var bodyBytes = 256 << 10
    /// Connections at once; more are answered with 503.
    package var connections = 64
    /// Time in which the head of a request has to arrive, from the connection's or the last answer's end.
    package var headTime = Duration.seconds(10)
    /// Time in which the body has to arrive.
    package var bodyTime = Duration.seconds(20)
    /// Time in which a client has to take some of what is sent.
    package var sendTime = Duration.seconds(10)
    /// Requests that one connection may make.
    package var requestsPerConnection = 1000

    package init() {}
}
