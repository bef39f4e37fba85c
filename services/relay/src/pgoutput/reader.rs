//! Reads the pieces of a message, with every length checked against what is there.

use super::{COLUMNS_MAX, Cell, Column, DecodeError, Message, Old, POSTGRES_EPOCH_US, Relation, Tuple};

pub(super) struct Reader<'a> {
    pub(super) all: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn message(&mut self) -> Result<Message<'a>, DecodeError> {
        let message = match self.u8()? {
            b'B' => Message::Begin {
                final_lsn: self.u64()?,
                commit_time_us: self.time()?,
                xid: self.u32()?,
            },
            b'C' => {
                let _unused_flags = self.u8()?;
                Message::Commit {
                    lsn: self.u64()?,
                    end_lsn: self.u64()?,
                    commit_time_us: self.time()?,
                }
            }
            b'O' => Message::Origin {
                lsn: self.u64()?,
                name: self.name()?,
            },
            b'R' => Message::Relation(self.relation()?),
            b'Y' => Message::Type {
                oid: self.u32()?,
                schema: self.name()?,
                name: self.name()?,
            },
            b'I' => {
                let relation = self.u32()?;
                self.expect(b'N', "a new row was expected")?;
                Message::Insert {
                    relation,
                    new: self.tuple()?,
                }
            }
            b'U' => self.update()?,
            b'D' => {
                let relation = self.u32()?;
                let kind = self.u8()?;
                let old = self
                    .old(kind)?
                    .ok_or_else(|| self.error("an old row was expected"))?;
                Message::Delete { relation, old }
            }
            b'T' => self.truncate()?,
            b'M' => {
                let (flags, lsn, prefix, length) = (self.u8()?, self.u64()?, self.name()?, self.u32()?);
                let content = self.take(length as usize)?;
                Message::Logical {
                    transactional: flags & 1 != 0,
                    lsn,
                    prefix,
                    content,
                }
            }
            _ => return Err(self.error("unknown kind of message")),
        };
        Ok(message)
    }

    fn relation(&mut self) -> Result<Relation, DecodeError> {
        let (oid, schema, name, identity) = (self.u32()?, self.name()?, self.name()?, self.u8()?);
        let count = usize::from(self.u16()?);
        if count > COLUMNS_MAX {
            return Err(self.error("more columns than a table can have"));
        }
        let columns = (0..count).map(|_| {
            let (flags, name, type_oid, _modifier) = (self.u8()?, self.name()?, self.u32()?, self.u32()?);
            Ok(Column {
                identity: flags & 1 != 0,
                name: name.to_owned(),
                type_oid,
            })
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Relation {
            oid,
            schema: schema.to_owned(),
            name: name.to_owned(),
            identity,
            columns,
        })
    }

    fn update(&mut self) -> Result<Message<'a>, DecodeError> {
        let relation = self.u32()?;
        let kind = self.u8()?;
        let old = self.old(kind)?;
        if old.is_some() {
            self.expect(b'N', "a new row was expected")?;
        } else if kind != b'N' {
            return Err(self.error("an old or a new row was expected"));
        }
        Ok(Message::Update {
            relation,
            old,
            new: self.tuple()?,
        })
    }

    fn old(&mut self, kind: u8) -> Result<Option<Old<'a>>, DecodeError> {
        match kind {
            b'K' => Ok(Some(Old::Key(self.tuple()?))),
            b'O' => Ok(Some(Old::Full(self.tuple()?))),
            _ => Ok(None),
        }
    }

    fn truncate(&mut self) -> Result<Message<'a>, DecodeError> {
        let count = self.u32()? as usize;
        let _options = self.u8()?;
        if count > self.left() / 4 {
            return Err(self.error("more tables are announced than follow"));
        }
        let relations = (0..count).map(|_| self.u32()).collect::<Result<_, _>>()?;
        Ok(Message::Truncate { relations })
    }

    fn tuple(&mut self) -> Result<Tuple<'a>, DecodeError> {
        let columns = self.u16()?;
        if usize::from(columns) > COLUMNS_MAX {
            return Err(self.error("more columns than a table can have"));
        }
        let from = self.at;
        for _ in 0..columns {
            self.cell()?;
        }
        Ok(Tuple {
            columns,
            bytes: self.all.get(from..self.at).unwrap_or_default(),
        })
    }

    pub(super) fn cell(&mut self) -> Result<Cell<'a>, DecodeError> {
        match self.u8()? {
            b'n' => Ok(Cell::Null),
            b'u' => Ok(Cell::Unchanged),
            b't' => {
                let length = self.u32()? as usize;
                let bytes = self.take(length)?;
                std::str::from_utf8(bytes)
                    .map(Cell::Text)
                    .map_err(|_| self.error("the value is not UTF-8"))
            }
            b'b' => Err(self.error("the value is binary, which was not asked for")),
            _ => Err(self.error("unknown kind of value")),
        }
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), DecodeError> {
        if self.u8()? == byte {
            Ok(())
        } else {
            Err(self.error(problem))
        }
    }

    fn name(&mut self) -> Result<&'a str, DecodeError> {
        let rest = self.all.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(|| self.error("a name does not end"))?;
        let name = self.take(length)?;
        self.at += 1;
        std::str::from_utf8(name).map_err(|_| self.error("the name is not UTF-8"))
    }

    fn time(&mut self) -> Result<i64, DecodeError> {
        let since_2000 = i64::from_be_bytes(self.array()?);
        since_2000
            .checked_add(POSTGRES_EPOCH_US)
            .ok_or_else(|| self.error("the time is out of range"))
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.error("the message ends early"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let end = self
            .at
            .checked_add(length)
            .ok_or_else(|| self.error("a length is absurd"))?;
        let bytes = self
            .all
            .get(self.at..end)
            .ok_or_else(|| self.error("the message ends early"))?;
        self.at = end;
        Ok(bytes)
    }

    const fn left(&self) -> usize {
        self.all.len().saturating_sub(self.at)
    }

    pub(super) fn error(&self, problem: &'static str) -> DecodeError {
        DecodeError {
            tag: self.all.first().map(|byte| char::from(*byte)),
            at: self.at,
            problem,
        }
    }
}
