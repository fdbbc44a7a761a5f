/// A rank that is gone.
package struct RankLost: Error, Sendable, Hashable, CustomStringConvertible {
    package let rank: Int
    package let description: String
}

/// A rank that answered that it couldn't do what it was asked, or whose answer was no such thing.
package struct RankFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let rank: Int
    package let description: String
}

/// A job in which no other rank can be used, so that this process would do alone what was given to several.
package struct RanksRefusedError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}
