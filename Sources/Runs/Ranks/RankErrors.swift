/// A rank that is gone.
public struct RankLost: Error, Sendable, Hashable, CustomStringConvertible {
    public let rank: Int
    public let description: String
}

/// A rank that answered that it couldn't do what it was asked, or whose answer was no such thing.
public struct RankFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public let rank: Int
    public let description: String
}

/// A job in which no other rank can be used, so that this process would do alone what was given to several.
public struct RanksRefusedError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
}
