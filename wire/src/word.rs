//! States, bands and phases by their words.

use std::fmt;

use serde::ser::{Impossible, Serialize, Serializer};

/// The word that the domain has for a state, band or phase; nothing for what is not told by one.
pub fn word<T: Serialize>(value: &T) -> &'static str {
    value.serialize(Words).unwrap_or_default()
}

/// Takes the name of a variant without fields, as serde has it, and nothing else.
struct Words;

macro_rules! refuse {
    ($($method:ident($($given:ty),*);)*) => {
        $(fn $method(self $(, _: $given)*) -> Result<Self::Ok, Self::Error> {
            Err(fmt::Error)
        })*
    };
}

macro_rules! refuse_compound {
    ($($method:ident($($given:ty),*) -> $kind:ident;)*) => {
        $(fn $method(self $(, _: $given)*) -> Result<Self::$kind, Self::Error> {
            Err(fmt::Error)
        })*
    };
}

type Never = Impossible<&'static str, fmt::Error>;

impl Serializer for Words {
    type Ok = &'static str;
    type Error = fmt::Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<&'static str, fmt::Error> {
        Ok(variant)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<&'static str, fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<&'static str, fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<&'static str, fmt::Error> {
        Err(fmt::Error)
    }

    refuse! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
    }

    refuse_compound! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }
}

#[cfg(test)]
mod tests {
    use doorbuster_domain::inventory::StockBand;

    use super::word;

    #[test]
    fn a_state_is_told_by_its_word_and_what_has_none_by_nothing() {
        assert_eq!(word(&StockBand::AllReserved), "all_reserved");
        assert_eq!(word(&Some(StockBand::SoldOut)), "sold_out");
        assert_eq!(word(&7_u8), "");
        assert_eq!(word(&["a"]), "");
    }
}
