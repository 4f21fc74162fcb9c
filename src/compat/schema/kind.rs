//! What can happen to a schema from one version to the next, said without a direction: whether it breaks somebody is for
//! the rules to say, which know who sends and who reads.

/// A bound of a number, length or count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    Minimum,
    Maximum,
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
    MinProperties,
    MaxProperties,
    MinContains,
    MaxContains,
}

impl Limit {
    pub const ALL: [Limit; 10] = [
        Limit::Minimum,
        Limit::Maximum,
        Limit::MinLength,
        Limit::MaxLength,
        Limit::MinItems,
        Limit::MaxItems,
        Limit::MinProperties,
        Limit::MaxProperties,
        Limit::MinContains,
        Limit::MaxContains,
    ];

    /// The keyword of JSON Schema.
    pub fn keyword(self) -> &'static str {
        match self {
            Limit::Minimum => "minimum",
            Limit::Maximum => "maximum",
            Limit::MinLength => "minLength",
            Limit::MaxLength => "maxLength",
            Limit::MinItems => "minItems",
            Limit::MaxItems => "maxItems",
            Limit::MinProperties => "minProperties",
            Limit::MaxProperties => "maxProperties",
            Limit::MinContains => "minContains",
            Limit::MaxContains => "maxContains",
        }
    }

    /// A lower bound: raising it leaves less.
    pub fn is_lower(self) -> bool {
        use Limit::*;
        matches!(self, Minimum | MinLength | MinItems | MinProperties | MinContains)
    }
}

/// What a change does to the set of values that fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Some value that fitted fits no more.
    pub narrows: bool,
    /// Some value fits that did not.
    pub widens: bool,
}

impl Effect {
    pub const NONE: Effect = Effect { narrows: false, widens: false };
    pub const BOTH: Effect = Effect { narrows: true, widens: true };

    pub fn and(self, other: Effect) -> Effect {
        Effect { narrows: self.narrows || other.narrows, widens: self.widens || other.widens }
    }

    pub fn swapped(self) -> Effect {
        Effect { narrows: self.widens, widens: self.narrows }
    }
}

macro_rules! kinds {
    (pairs { $($narrow:ident <-> $wide:ident,)* } neutral_pairs { $($one:ident <-> $other:ident,)* }
     both { $($both:ident,)* } neutral { $($neutral:ident,)* }) => {
        /// One kind of change. The name says what happened from the base to the revision.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($narrow, $wide,)* $($one, $other,)* $($both,)* $($neutral,)*
            /// A bound that was there leaves less.
            Tightened(Limit),
            /// A bound that is still there leaves more.
            Loosened(Limit),
            /// A bound where there was none.
            LimitSet(Limit),
            LimitUnset(Limit),
        }

        impl Kind {
            /// Every kind there is.
            pub fn all() -> Vec<Kind> {
                let mut all = vec![
                    $(Kind::$narrow, Kind::$wide,)* $(Kind::$one, Kind::$other,)* $(Kind::$both,)* $(Kind::$neutral,)*
                ];
                for limit in Limit::ALL {
                    all.extend([
                        Kind::Tightened(limit),
                        Kind::Loosened(limit),
                        Kind::LimitSet(limit),
                        Kind::LimitUnset(limit),
                    ]);
                }
                all
            }

            /// The same change seen from the other side: what comes out when base and revision trade places.
            pub fn swapped(self) -> Kind {
                match self {
                    $(Kind::$narrow => Kind::$wide, Kind::$wide => Kind::$narrow,)*
                    $(Kind::$one => Kind::$other, Kind::$other => Kind::$one,)*
                    Kind::Tightened(l) => Kind::Loosened(l),
                    Kind::Loosened(l) => Kind::Tightened(l),
                    Kind::LimitSet(l) => Kind::LimitUnset(l),
                    Kind::LimitUnset(l) => Kind::LimitSet(l),
                    same => same,
                }
            }

            pub fn effect(self) -> Effect {
                match self {
                    $(Kind::$narrow => Effect { narrows: true, widens: false },)*
                    $(Kind::$wide => Effect { narrows: false, widens: true },)*
                    $(Kind::$both => Effect::BOTH,)*
                    Kind::Tightened(_) | Kind::LimitSet(_) => Effect { narrows: true, widens: false },
                    Kind::Loosened(_) | Kind::LimitUnset(_) => Effect { narrows: false, widens: true },
                    _ => Effect::NONE,
                }
            }
        }
    };
}

kinds! {
    pairs {
        TypeNarrowed <-> TypeWidened,
        NullRemoved <-> NullAdded,
        FormatNarrowed <-> FormatWidened,
        EnumValueRemoved <-> EnumValueAdded,
        EnumSet <-> EnumUnset,
        ConstSet <-> ConstUnset,
        ExtensibleValueRemoved <-> ExtensibleValueAdded,
        PatternSet <-> PatternUnset,
        PatternSpecialized <-> PatternGeneralized,
        MultipleSet <-> MultipleUnset,
        MultipleTightened <-> MultipleLoosened,
        UniqueSet <-> UniqueUnset,
        RequiredPropertyAdded <-> RequiredPropertyRemoved,
        PropertyBecameRequired <-> PropertyBecameOptional,
        UndeclaredRequired <-> UndeclaredNotRequired,
        DroppedRequired <-> DeclaredNotRequired,
        RequiredForbidden <-> RequiredAllowed,
        Closed <-> Opened,
        UnevaluatedClosed <-> UnevaluatedOpened,
        AdditionalSet <-> AdditionalUnset,
        PropertyForbidden <-> PropertyAllowed,
        PatternPropertyAdded <-> PatternPropertyRemoved,
        ContainsAdded <-> ContainsRemoved,
        PropertyNamesAdded <-> PropertyNamesRemoved,
        DependentRequiredAdded <-> DependentRequiredRemoved,
        ConditionAdded <-> ConditionRemoved,
        LooseConditionAdded <-> LooseConditionRemoved,
        ChoiceAdded <-> ChoiceRemoved,
        NotAdded <-> NotRemoved,
        ContentSchemaAdded <-> ContentSchemaRemoved,
        OneOfRemoved <-> OneOfAdded,
        AnyOfRemoved <-> AnyOfAdded,
        ExactlyOneSet <-> ExactlyOneUnset,
        SubtypeRemoved <-> SubtypeAdded,
        OverlapSet <-> OverlapUnset,
    }
    neutral_pairs {
        OptionalPropertyAdded <-> OptionalPropertyRemoved,
        OverlappingRemoved <-> OverlappingAdded,
        CoveredAnyOfRemoved <-> CoveredAnyOfAdded,
        FormatNoteAdded <-> FormatNoteRemoved,
        ExtensibleSet <-> ExtensibleUnset,
        ConditionAddedHarmlessly <-> ConditionRemovedHarmlessly,
        DiscriminatorAdded <-> DiscriminatorRemoved,
        MappingAdded <-> MappingRemoved,
        MappingGained <-> MappingLost,
        SecondValueAdded <-> SecondValueRemoved,
        DefaultAdded <-> DefaultRemoved,
        BecameReadOnly <-> NotReadOnly,
        BecameWriteOnly <-> NotWriteOnly,
        RequiredBecameWriteOnly <-> RequiredNotWriteOnly,
        RequiredBecameReadOnly <-> RequiredNotReadOnly,
        Deprecated <-> Reactivated,
        StabilityLowered <-> StabilityRaised,
    }
    both {
        TypeChanged,
        FormatChanged,
        ConstChanged,
        PatternChanged,
        MultipleChanged,
        ConditionChanged,
        ContentEncodingChanged,
        ContentMediaTypeChanged,
    }
    neutral {
        FormatNoteChanged,
        TypeRespelled,
        DiscriminatorPropertyChanged,
        MappingChanged,
        ValueRenamed,
        DefaultChanged,
        StabilityInvalid,
        SunsetInvalid,
        SunsetMissing,
        SunsetTooSoon,
        SunsetRemoved,
    }
}
